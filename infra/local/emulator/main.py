"""Starts ministack, the AWS emulator, with the product's clock and a memory that survives a restart."""

import os
from importlib import import_module

from infra.local.emulator.clocks import follow_product_time
from infra.local.emulator.grants import name_resources
from infra.local.emulator.memory import (
    Snapshots,
    keep_large_bytes_apart,
    remember_changes,
    remember_fired_schedules,
    remember_mail,
)
from infra.local.emulator.resume import resume_executions
from infra.local.emulator.streams import repeat_what_failed
from infra.local.emulator.unpacked import unpack_once


def main() -> None:
    """Serve until stopped. Looked up by name, because ministack is only installed in `.venv-emulator`."""
    app = import_module("ministack.app")
    scheduler, stepfunctions, ses, dynamodb, lambda_svc = (
        import_module(f"ministack.services.{name}")
        for name in ("scheduler", "stepfunctions", "ses", "dynamodb", "lambda_svc")
    )
    name_resources(import_module("ministack.core.iam_actions"), stepfunctions)
    unpack_once(import_module("ministack.core.lambda_runtime"))
    follow_product_time(scheduler, stepfunctions)
    remember_mail(ses)
    remember_fired_schedules(scheduler)
    remember_changes(dynamodb)
    repeat_what_failed(lambda_svc)
    resume_executions(stepfunctions, import_module("ministack.core.responses"), int(os.environ["GATEWAY_PORT"]))
    persistence = import_module("ministack.core.persistence")
    keep_large_bytes_apart(persistence)
    Snapshots(app, persistence).start()
    app.main()


if __name__ == "__main__":
    main()
