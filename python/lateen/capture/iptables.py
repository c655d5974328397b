"""Rules as the input of `iptables-restore`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lateen.capture.rules import Rule

_BUILT_IN = frozenset(("INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING"))
_OWN = "ISTIO_"


def restore_text(rules: Sequence[Rule], before: Sequence[str] = ()) -> str:
    """What makes the chains and rules, each table in one transaction.

    Args:
        before: lines of `removal`, which the same transactions begin with: `TABLE LINE`.
    """
    tables = sorted({rule.table for rule in rules} | {line.partition(" ")[0] for line in before})
    return "".join(_table(table, rules, before) for table in tables)


def _table(table: str, rules: Sequence[Rule], before: Sequence[str]) -> str:
    here = [rule for rule in rules if rule.table == table]
    removed = [line.partition(" ")[2] for line in before if line.startswith(f"{table} ")]
    made = [f"-N {chain}" for chain in own_chains(here)]
    lines = [f"* {table}", *removed, *made, *(_written(rule) for rule in here), "COMMIT"]
    return "\n".join(lines) + "\n"


def own_chains(rules: Iterable[Rule]) -> list[str]:
    """The chains that rules of one table need: those they are in, then those they jump to."""
    rules = list(rules)
    names = [rule.chain for rule in rules] + [rule.target for rule in rules]
    return [name for name in dict.fromkeys(names) if name.startswith(_OWN)]


def _written(rule: Rule) -> str:
    where = f"-I {rule.chain} {rule.position}" if rule.position else f"-A {rule.chain}"
    return f"{where} {' '.join(rule.words)}"


def in_built_in_chains(rules: Iterable[Rule]) -> list[Rule]:
    """The rules that stand beside those of others."""
    return [rule for rule in rules if rule.chain in _BUILT_IN]


def removal(saved: str, standing: Iterable[Rule]) -> list[str]:
    """What takes the rules away, as `TABLE LINE`.

    Args:
        saved: the output of `iptables-save`, which tells the chains that are there.
        standing: rules of built-in chains that are there.
    """
    lines = [f"{rule.table} -D {rule.chain} {' '.join(rule.words)}" for rule in standing]
    chains = list(_saved_chains(saved))
    lines += [f"{table} -F {chain}" for table, chain in chains]
    lines += [f"{table} -X {chain}" for table, chain in chains]
    return lines


def _saved_chains(saved: str) -> Iterable[tuple[str, str]]:
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(f":{_OWN}"):
            yield table, line[1:].split(" ")[0]
