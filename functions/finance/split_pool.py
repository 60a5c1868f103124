"""Every night: months of membership income that are over and past their refunds are shared among creators."""

from functions.finance.service import pool
from shared.schedule import scheduled

handler = scheduled(pool.split_due, "finance.split_pool")
