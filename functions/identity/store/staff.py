"""Operators in SQL: the table `admin.admins`, and from where they signed in."""

from datetime import datetime

from shared.sql.connection import Connection


def note_address(db: Connection, uid: int, ip: str, at: datetime) -> bool:
    """Remember from where an operator signed in; True when others are known, but not this one."""
    row = db.execute(
        """
        WITH before AS (
            SELECT count(*) > 0 AND NOT coalesce(bool_or(ip = %(ip)s), false) AS is_new
            FROM identity.staff_addresses WHERE uid = %(uid)s
        ), noted AS (
            INSERT INTO identity.staff_addresses (uid, ip, first_seen_at, last_seen_at)
            VALUES (%(uid)s, %(ip)s, %(at)s, %(at)s)
            ON CONFLICT (uid, ip) DO UPDATE SET last_seen_at = excluded.last_seen_at
        )
        UPDATE admin.admins SET last_login_ip = %(ip)s WHERE user_id = %(uid)s RETURNING (SELECT is_new FROM before)
        """,
        {"uid": uid, "ip": ip, "at": at},
    ).fetchone()
    return bool(row and row[0])


def holders(db: Connection, role: str) -> list[int]:
    """The uids of everyone who has a staff role."""
    return [int(row[0]) for row in db.execute("SELECT user_id FROM admin.admins WHERE role = %s ORDER BY 1", (role,))]


def is_any_super_admin(db: Connection) -> bool:
    """Whether there is someone who may appoint operators."""
    return db.execute("SELECT 1 FROM admin.admins WHERE role = 'super_admin' AND is_active LIMIT 1").fetchone() is not None


def appoint(db: Connection, uid: int, role: str) -> None:
    """Make an account an operator, once."""
    db.execute(
        "INSERT INTO admin.admins (user_id, role) VALUES (%s, %s) ON CONFLICT ON CONSTRAINT admins_user DO NOTHING",
        (uid, role),
    )
