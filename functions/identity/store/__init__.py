"""Every query of identity: SQL to paste into psql, and single DynamoDB calls."""
