"""Finds the manifest of every domain: a new domain is a new folder, and nothing here changes."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from shared.manifest import Function, Manifest, OnQueue, OnStream, OnUpload, Secret

REPOSITORY = Path(__file__).parents[1]
UNWORKED_TIMEOUT = 30


class ManifestError(ValueError):
    """A manifest contradicts itself, its folder, or another manifest."""


def discover(functions: Path = REPOSITORY / "functions") -> list[Manifest]:
    """Every `functions/<domain>/manifest.py`, by domain. Raises ManifestError for one that cannot be built."""
    found = [_manifest(f"{functions.name}.{path.parent.name}") for path in sorted(functions.glob("*/manifest.py"))]
    check(found)
    return found


def _manifest(package: str) -> Manifest:
    module = import_module(f"{package}.manifest")
    found = [value for value in vars(module).values() if isinstance(value, Manifest)]
    if len(found) != 1 or not package.endswith(f".{found[0].domain}"):
        message = f"{package}.manifest must hold exactly one Manifest, named for its own folder"
        raise ManifestError(message)
    return found[0]


def check(manifests: Sequence[Manifest]) -> None:
    """Raise ManifestError when queues or routes are claimed twice or not at all."""
    queues = [queue for manifest in manifests for queue in manifest.queues]
    worked_off = [function.queue for _, function in each(manifests) if isinstance(function, OnQueue)]
    for queue in {*queues, *worked_off}:
        if queues.count(queue) != 1 or worked_off.count(queue) > 1:
            message = f"queue {queue!r} must be listed by exactly one manifest and worked off by at most one function"
            raise ManifestError(message)
    routes = [route for _, function in each(manifests) for route in getattr(function, "routes", ())]
    for route in routes:
        if routes.count(route) != 1:
            message = f"route {route!r} is claimed twice"
            raise ManifestError(message)
    names = [(domain, function.name) for domain, function in each(manifests)]
    for domain, name in names:
        if names.count((domain, name)) != 1:
            message = f"{domain} lists the function {name!r} twice"
            raise ManifestError(message)


def each(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Function]]:
    """Every function with the domain it belongs to."""
    return ((manifest.domain, function) for manifest in manifests for function in manifest.functions)


def uploads(manifests: Sequence[Manifest]) -> list[tuple[str, OnUpload]]:
    """The functions that hear of uploads."""
    return [(domain, function) for domain, function in each(manifests) if isinstance(function, OnUpload)]


def streamed_groups(manifests: Sequence[Manifest]) -> set[str]:
    """The table groups someone listens to."""
    return {function.group for _, function in each(manifests) if isinstance(function, OnStream)}


def secret_readers(manifests: Sequence[Manifest]) -> dict[str, list[str]]:
    """Every secret someone is granted, with the domains that read it."""
    readers: dict[str, list[str]] = {}
    for domain, function in each(manifests):
        for grant in function.grants:
            if isinstance(grant, Secret) and domain not in readers.setdefault(grant.name, []):
                readers[grant.name].append(domain)
    return dict(sorted(readers.items()))


def queue_timeouts(manifests: Sequence[Manifest]) -> dict[str, int]:
    """Every named queue with the timeout, in seconds, of the function that works it off (30 until there is one)."""
    workers = {function.queue: function.timeout for _, function in each(manifests) if isinstance(function, OnQueue)}
    return {queue: workers.get(queue, UNWORKED_TIMEOUT) for manifest in manifests for queue in manifest.queues}
