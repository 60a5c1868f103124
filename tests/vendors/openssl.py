"""The openssl command as UnionPay: it makes chains, signs notices and checks what we signed, with no code of ours."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

NAME = "/CN=041@83@中国银联股份有限公司@00040000"
YEARS = "3650"


def run(*words: str, given: bytes = b"") -> bytes:
    """One command's output; fails the test when it fails."""
    return subprocess.run(["openssl", *words], input=given, check=True, capture_output=True).stdout


@dataclass(frozen=True)
class Certificate:
    """A key and its certificate, as files `{path}.key` and `{path}.pem`."""

    path: Path

    @property
    def key(self) -> str:
        return str(self.path.with_suffix(".key"))

    @property
    def pem(self) -> str:
        return self.path.with_suffix(".pem").read_text()

    @property
    def serial(self) -> str:
        """In decimal."""
        told = run("x509", "-in", str(self.path.with_suffix(".pem")), "-noout", "-serial").decode()
        return str(int(told.strip().partition("=")[2], 16))

    def sign(self, text: str) -> str:
        """The base64 signature of a text."""
        made = run("dgst", "-sha256", "-sign", self.key, given=text.encode())
        return run("base64", "-A", given=made).decode()

    def has_signed(self, text: str, signature: bytes) -> bool:
        """Whether openssl takes `signature` for this one's."""
        kept = self.path.with_suffix(".sig")
        kept.write_bytes(signature)
        public = self.path.with_suffix(".pub")
        public.write_bytes(run("pkey", "-in", self.key, "-pubout"))
        words = ["openssl", "dgst", "-sha256", "-verify", str(public), "-signature", str(kept)]
        said = subprocess.run(words, input=text.encode(), check=False, capture_output=True)
        return said.stdout.strip() == b"Verified OK"

    def packed(self, password: str) -> str:
        """Key and certificate as PKCS#12, in base64."""
        words = ("-inkey", self.key, "-in", str(self.path.with_suffix(".pem")), "-passout", f"pass:{password}")
        return run("base64", "-A", given=run("pkcs12", "-export", *words)).decode()


@dataclass(frozen=True)
class Chain:
    """A root, what it issued, and what that issued."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> "Chain":
        """A new chain with new keys."""
        folder.mkdir()
        chain = cls(folder)
        chain.issue("root", "/CN=UnionPay root", by=None, extensions="basicConstraints=critical,CA:TRUE")
        chain.issue("middle", "/CN=UnionPay middle", extensions="basicConstraints=critical,CA:TRUE", by="root")
        chain.issue("signer", NAME)
        return chain

    def of(self, name: str) -> Certificate:
        return Certificate(self.folder / name)

    def issue(
        self,
        name: str,
        subject: str,
        *,
        by: str | None = "middle",
        days: str = YEARS,
        bits: str = "2048",
        digest: str = "-sha256",
        extensions: str = "keyUsage=digitalSignature",
    ) -> Certificate:
        """A certificate of this chain."""
        made = self.of(name)
        run("genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}", "-out", made.key)
        asked = run("req", "-new", "-utf8", "-key", made.key, "-subj", subject, "-multivalue-rdn")
        rules = made.path.with_suffix(".ext")
        rules.write_text(extensions + "\n")
        issuer = (
            ["-key", made.key]
            if by is None
            else ["-CA", str(self.of(by).path.with_suffix(".pem")), "-CAkey", self.of(by).key, "-CAcreateserial"]
        )
        words = ["x509", "-req", "-days", days, digest, "-extfile", str(rules), *issuer]
        made.path.with_suffix(".pem").write_bytes(run(*words, given=asked))
        return made
