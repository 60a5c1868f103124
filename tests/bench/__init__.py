"""`make bench`: every figure is a ratio to a reference measured in the same run, cases interleaved, medians.

Absolute times on a shared machine mean little; ratios hold. Budgets and their reasons: docs/performance.md.
"""
