"""What Lambda unpacks: layers of third-party libraries and one zip per domain, built by uv, without Docker.

A bundle is named by the hash of what it is made from, so building it again costs one look at the folder `build/bundles`.
Bytecode is shipped: importing the libraries from source costs a cold start 2.7 times the time.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
BUILT = REPOSITORY / "build" / "bundles"
LAMBDA_PYTHON = "3.13"

BOTOCORE_SERVICES = frozenset(
    {"dynamodb", "events", "kms", "rds", "s3", "scheduler", "secretsmanager", "sesv2", "sqs", "stepfunctions"}
)
"""The service models kept in the layer; all of them weigh 25 MB."""

_NOT_RUN = ("*.pyi", "py.typed", "*.c", "*.h", "*.pxd", "*.pyx", "NotoSerifSC-*.otf")
_KEPT_METADATA = frozenset({"METADATA", "entry_points.txt"})
_EPOCH = (1980, 1, 1, 0, 0, 0)


class CannotBundle(Exception):  # noqa: N818 - said to a person as one line
    """A tool that bundles need is missing; the message says which."""


@dataclass(frozen=True)
class Target:
    """What bundles run on (uv's platform name, or None for this machine and this interpreter), and where they are put."""

    platform: str | None
    folder: Path = BUILT

    @property
    def python(self) -> str:
        """Minor version of the interpreter the bundle meets."""
        return LAMBDA_PYTHON if self.platform else f"{sys.version_info.major}.{sys.version_info.minor}"

    @property
    def compiler(self) -> Path | None:
        """An interpreter of exactly that minor version, for bytecode is not portable; None when there is none."""
        return find_python(self.python) if self.platform else Path(sys.executable)


def layer(name: str, target: Target) -> Path:
    """The zip of `locks/layer-<name>.txt`, below `python/` as Lambda wants it."""
    lock = REPOSITORY / "locks" / f"layer-{name}.txt"
    return _once(f"layer-{name}", target, [lock], lambda folder: _install(lock, folder / "python", target))


def domain(name: str, target: Target, *, migrations: bool = False, extra: Iterable[tuple[str, Path]] = ()) -> Path:
    """The zip of one domain: itself, `shared` and `events`, nothing of another domain.

    `migrations` adds the database's history; `extra` names built files and where they go.
    """
    files = {str(path.relative_to(REPOSITORY)): path for path in domain_sources(name, migrations=migrations)}
    files.update(extra)

    def fill(folder: Path) -> None:
        for inside, path in files.items():
            (folder / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / inside)

    variant = f"{name}-migrations" if migrations else name
    return _once(f"domain-{variant}", target, sorted(files.values()), fill)


def domain_sources(name: str, *, migrations: bool = False) -> Iterator[Path]:
    """The files of the repository a domain's zip holds."""
    yield REPOSITORY / "functions" / "__init__.py"
    for root in (f"functions/{name}", "shared", "events"):
        for path in sources(REPOSITORY / root):
            inside = path.relative_to(REPOSITORY).as_posix()
            if not inside.startswith("shared/sql/migrat") or migrations:
                yield path


def sources(root: Path) -> list[Path]:
    """Every file below a folder that is neither cache nor test nor sample."""
    skipped = {"__pycache__", "tests", "samples"}
    return sorted(
        path for path in root.rglob("*") if path.is_file() and skipped.isdisjoint(path.parts) and path.suffix != ".pyc"
    )


def require_bytecode(target: Target) -> None:
    """Raise CannotBundle unless bytecode can be made for the target; `make deploy` asks before it deploys."""
    if target.compiler is None:
        message = f"no Python {target.python} to compile bytecode with: run `uv python install {target.python}`"
        raise CannotBundle(message)


@cache
def find_uv() -> Path:
    """The uv program: of the repository, on the PATH, or beside this interpreter. Raises CannotBundle."""
    for folder in (str(REPOSITORY / ".tools" / "bin"), os.environ.get("PATH"), str(Path(sys.executable).parent)):
        if found := shutil.which("uv", path=folder):
            return Path(found)
    message = "uv is missing: run tools/bootstrap"
    raise CannotBundle(message)


@cache
def find_python(version: str) -> Path | None:
    """An interpreter of that minor version, or None. uv is not allowed to download one here."""
    found = _uv("python", "find", "--no-python-downloads", "--no-project", version, check=False)
    return Path(found.stdout.strip()) if found.returncode == 0 else None


def write_zip(folder: Path, destination: Path) -> None:
    """Zip a folder so that equal folders make equal bytes: sorted names, one date, two modes."""
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o755 if path.suffix == ".so" else 0o644) << 16
            archive.writestr(entry, path.read_bytes())


def digest(paths: Iterable[Path]) -> str:
    """One hash over the names and contents of files."""
    whole = hashlib.sha256()
    for path in paths:
        name = path.relative_to(REPOSITORY).as_posix() if path.is_relative_to(REPOSITORY) else path.name
        whole.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()[:16]


def _once(name: str, target: Target, inputs: list[Path], fill: Callable[[Path], None]) -> Path:
    """Build a bundle unless one made from the same inputs, by the same rules, lies there already."""
    compiler = target.compiler
    made_for = f"{target.platform or sys.platform}-{target.python}{'' if compiler else '-source'}"
    built = target.folder / f"{name}-{made_for}-{digest([Path(__file__), *inputs])}.zip"
    if built.exists():
        return built
    target.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.folder) as scratch:
        folder = Path(scratch) / "content"
        folder.mkdir()
        fill(folder)
        if compiler:
            _compile(folder, compiler)
        write_zip(folder, Path(scratch) / "bundle.zip")
        # Renaming is the last step: a build that was interrupted leaves no half a bundle behind.
        (Path(scratch) / "bundle.zip").replace(built)
    return built


def _install(lock: Path, folder: Path, target: Target) -> None:
    platform = ["--python-platform", target.platform] if target.platform else []
    version = ["--python-version", target.python] if target.platform else ["--python", sys.executable]
    _uv(
        "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
        *platform, *version, "--target", str(folder), "-r", str(lock),
    )  # fmt: skip
    prune(folder)


def prune(folder: Path) -> None:
    """Take away what no function ever reads: tests, type stubs, C sources, programs, a font that nothing is
    set in, unused AWS service models.
    """
    for path in [*folder.rglob("tests"), *folder.rglob("test"), folder / "bin", *folder.rglob("__pycache__")]:
        shutil.rmtree(path, ignore_errors=True)
    for pattern in _NOT_RUN:
        for path in folder.rglob(pattern):
            path.unlink()
    for metadata in folder.glob("*.dist-info"):
        for path in sorted(metadata.rglob("*"), reverse=True):
            if path.is_dir():
                path.rmdir()
            elif path.name not in _KEPT_METADATA:
                path.unlink()
    for path in folder.glob("botocore/data/*"):
        if path.is_dir() and path.name not in BOTOCORE_SERVICES:
            shutil.rmtree(path)
    (folder / ".lock").unlink(missing_ok=True)


def _compile(folder: Path, compiler: Path) -> None:
    """Write the bytecode beside every source; `unchecked-hash`, so that Lambda never looks at the sources again."""
    # A fixed hash seed: sets of constants are written in the order the seed gives.
    subprocess.run(  # noqa: S603 - our own interpreter on our own folder
        [
            str(compiler), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
            "-s", str(folder), "-p", "/", str(folder),
        ],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )  # fmt: skip


def _uv(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    finished = subprocess.run(  # noqa: S603 - uv, with arguments made here
        [str(find_uv()), *arguments], check=False, capture_output=True, text=True
    )
    if check and finished.returncode != 0:
        message = f"uv {' '.join(arguments[:2])} failed: {finished.stderr.strip()}"
        raise CannotBundle(message)
    return finished
