"""Fixtures of the house; each lives with its kind in tests/fixtures."""

pytest_plugins = ["tests.fixtures.postgres", "tests.fixtures.cloud", "tests.fixtures.api", "tests.fixtures.sandbox"]
