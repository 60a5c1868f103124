"""What the proof of sealed logs came to, for people."""

from shared.sql.sealed import Verdict


def rows(verdict: Verdict) -> list[tuple[str, str, str, str]]:
    """Rows of a table `check, looked at, off, ` about a verdict."""
    told = []
    for log, proof in verdict.proofs.items():
        off = sum(fault.places for fault in proof.faults)
        told.append((f"{log}: rows", str(proof.rows), str(off), "OFF" if off else "ok"))
        told.append((f"{log}: blocks", str(proof.blocks), "", f"anchored up to {verdict.last_anchored.get(log, 0)}"))
    places = verdict.off_anchor.places if verdict.off_anchor else 0
    told.append(("anchors", str(verdict.anchors), str(places), "OFF" if places else "ok"))
    return told


def faults(verdict: Verdict) -> list[str]:
    """A line for each kind of fault, with the first row concerned."""
    told = [
        f"{log}: not so that {fault.what}: {fault.places} places, the first at id {fault.first_id}"
        for log, proof in verdict.proofs.items()
        for fault in proof.faults
    ]
    if verdict.off_anchor:
        told.append(f"not so that {verdict.off_anchor.what}: the first of a row with id {verdict.off_anchor.first_id}")
    return told
