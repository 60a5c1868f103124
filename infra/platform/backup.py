"""Backups in a second region: what point-in-time recovery cannot give back when a region is gone."""

from aws_cdk import Aws, Duration, Environment, RemovalPolicy, Stack
from aws_cdk import aws_backup as backup
from aws_cdk import aws_events as events
from constructs import Construct

from infra.nag import accept
from infra.platform.house import House

KEPT = Duration.days(35)


class BackupCopies(Stack):
    """The vault of the second region."""

    def __init__(self, scope: Construct, name: str, *, house: House, region: str) -> None:
        super().__init__(scope, name, env=Environment(region=region), description="Copies of backups")
        self.vault_name = house.names.of("copies")
        self.vault_arn = f"arn:aws:backup:{region}:{Aws.ACCOUNT_ID}:backup-vault:{self.vault_name}"
        backup.BackupVault(self, "Vault", backup_vault_name=self.vault_name, removal_policy=RemovalPolicy.RETAIN)


class Backups(Construct):
    """Every night: the database and every table, copied to the second region (rules.md §18, backup_daily)."""

    def __init__(self, scope: Construct, name: str, *, house: House, copies: BackupCopies) -> None:
        super().__init__(scope, name)
        vault = backup.BackupVault(
            self, "Vault", backup_vault_name=house.names.of("nightly"), removal_policy=RemovalPolicy.RETAIN
        )
        elsewhere = backup.BackupVault.from_backup_vault_arn(self, "Copies", copies.vault_arn)
        plan = backup.BackupPlan(self, "Plan", backup_plan_name=house.names.of("nightly"), backup_vault=vault)
        plan.add_rule(
            backup.BackupPlanRule(
                rule_name="nightly",
                schedule_expression=events.Schedule.cron(hour="19", minute="30"),
                delete_after=KEPT,
                copy_actions=[backup.BackupPlanCopyActionProps(destination_backup_vault=elsewhere, delete_after=KEPT)],
            )
        )
        selection = plan.add_selection(
            "Stores",
            resources=[
                backup.BackupResource.from_arn(house.names.arn("dynamodb", f"table/{house.names.of('*')}")),
                backup.BackupResource.from_arn(house.names.arn("rds", f"cluster:{house.names.of('aurora')}")),
            ],
        )
        accept(
            selection,
            "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup]",
            "AWS Backup's own policy grows with the stores it learns to back up.",
        )
