"""The domains. This is the first module of ours that a Lambda function imports, so it sets what imports depend on.

Importing a handler makes some 300 000 objects, none of which is garbage; with Python's own threshold of 700 the collector
looks through them hundreds of times, which is two fifths of a cold start. The handler then freezes what was imported
(shared/http/app.py), so that no later collection looks at it again.
"""

import gc

_ALLOCATIONS_PER_COLLECTION = 50_000

gc.set_threshold(_ALLOCATIONS_PER_COLLECTION, 20, 20)
