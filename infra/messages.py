"""Every sentence the API may say, into the catalogue that migrations seed messages from: `python -m infra.messages`.

Namespaces `errors` and `validation` are drawn from the code, a test holds them against it; `common` is written by hand.
On a database that was seeded before, a migration that calls `catalogue.insert_missing` brings what is new.
"""

import json
import re
from importlib import import_module
from typing import Any

from infra.manifests import REPOSITORY
from shared.errors import Refusal
from shared.i18n import VALIDATION
from shared.sql.migrations.catalogue import FILE

_FORMAT_FIELD = re.compile(r"\{(\w+)\}")


def refusals() -> dict[str, type[Refusal]]:
    """Every refusal of the house by its stable name; those of one name say one sentence."""
    for path in (path for folder in ("functions", "shared") for path in sorted((REPOSITORY / folder).rglob("*.py"))):
        if "(Refusal)" in path.read_text():
            import_module(".".join(path.relative_to(REPOSITORY).with_suffix("").parts))
    waiting, found = [Refusal], {}
    while waiting:
        for refusal in waiting.pop().__subclasses__():
            waiting.append(refusal)
            if refusal.__module__.split(".")[0] in {"shared", "functions"}:
                found[refusal.error] = refusal
    return dict(sorted(found.items()))


def drawn() -> dict[str, dict[str, list[str]]]:
    """The namespaces drawn from the code: key, then the sentence in zh-CN and in en."""
    return {
        "errors": {name: [refusal.zh, refusal.en] for name, refusal in refusals().items()},
        "validation": {
            kind: [_FORMAT_FIELD.sub(r"{{\1}}", sentence) for sentence in pair] for kind, pair in sorted(VALIDATION.items())
        },
    }


def main() -> None:
    """Write the file anew."""
    stored: dict[str, Any] = json.loads(FILE.read_text())
    FILE.write_text(json.dumps(stored | drawn(), ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
