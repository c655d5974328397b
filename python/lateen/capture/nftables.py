"""Rules as a script of `nft`: a table of our own, replaced in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lateen.capture.rules import Rule, Version

TABLE = "lateen"
_FAMILIES: dict[Version, str] = {4: "ip", 6: "ip6"}
# Where the kernel calls the chains of a table of iptables (nft(8), "CHAINS").
_HOOKS = {
    ("nat", "PREROUTING"): "type nat hook prerouting priority dstnat",
    ("nat", "OUTPUT"): "type nat hook output priority -100",
    ("mangle", "PREROUTING"): "type filter hook prerouting priority mangle",
    ("mangle", "OUTPUT"): "type route hook output priority mangle",
    ("raw", "PREROUTING"): "type filter hook prerouting priority raw",
    ("raw", "OUTPUT"): "type filter hook output priority raw",
}


def script(rules: Sequence[Rule], version: Version) -> str:
    """What replaces the table by one with these rules."""
    chains = _chains(rules)
    body = [_chain(key, chains[key], version) for key in chains]
    return f"{removal(version)}table {_FAMILIES[version]} {TABLE} {{\n{''.join(body)}}}\n"


def removal(version: Version) -> str:
    """What takes the table away, whether it is there or not."""
    table = f"table {_FAMILIES[version]} {TABLE}"
    return f"add {table}\ndelete {table}\n"


def _chains(rules: Sequence[Rule]) -> dict[tuple[str, str], list[Rule]]:
    """The rules of each chain in order; first the chains that are jumped to."""
    chains: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        there = chains.setdefault((rule.table, rule.chain), [])
        there.insert(rule.position - 1 if rule.position else len(there), rule)
    targets = {(rule.table, rule.target) for rule in rules if rule.target.startswith("ISTIO_")}
    for key in sorted(targets - chains.keys()):
        chains[key] = []
    return dict(
        sorted(chains.items(), key=lambda item: (item[0] in _HOOKS, _depth(item[0], chains)))
    )


def _depth(key: tuple[str, str], chains: dict[tuple[str, str], list[Rule]]) -> int:
    """How many chains are below a chain: nft wants those first that others jump to."""
    below = {(key[0], rule.target) for rule in chains[key]} & chains.keys()
    return 1 + max((_depth(one, chains) for one in below), default=0)


def _chain(key: tuple[str, str], rules: Sequence[Rule], version: Version) -> str:
    lines = [f"    chain {_name(*key)} {{\n"]
    if key in _HOOKS:
        lines.append(f"        {_HOOKS[key]}; policy accept;\n")
    lines += [f"        {_expression(rule, version)}\n" for rule in rules]
    return "".join([*lines, "    }\n"])


def _name(table: str, chain: str) -> str:
    return f"{table}_{chain.lower()}"


def _expression(rule: Rule, version: Version) -> str:
    return " ".join(_Words(rule, version).expressions())


class _Words:
    """Reads the words of a rule, one match or target after the other."""

    def __init__(self, rule: Rule, version: Version) -> None:
        self._rule = rule
        self._family = _FAMILIES[version]
        self._protocol = "tcp"
        self._words = iter(rule.words)
        self._not = ""

    def expressions(self) -> Iterator[str]:
        for word in self._words:
            if word == "!":
                self._not = "!= "
            elif word == "-m":
                next(self._words)
            elif word == "-j":
                yield self._target(next(self._words))
            else:
                yield self._match(word, next(self._words))
                self._not = ""

    def _match(self, option: str, value: str) -> str:
        if option == "-p":
            self._protocol = value
            return f"meta l4proto {value}"
        forms = {
            "-i": "iifname {no}{value}",
            "-o": "oifname {no}{value}",
            "-s": "{family} saddr {no}{value}",
            "-d": "{family} daddr {no}{value}",
            "--dport": "{protocol} dport {no}{value}",
            "--sport": "{protocol} sport {no}{value}",
            "--dports": "{protocol} dport {no}{{ {value} }}",
            "--uid-owner": "meta skuid {no}{value}",
            "--gid-owner": "meta skgid {no}{value}",
            "--ctstate": "ct state {no}{value}",
            "--mark": "{mark} {no}{value}",
        }
        return forms[option].format(
            no=self._not,
            value=value.lower() if option == "--ctstate" else value,
            family=self._family,
            protocol=self._protocol,
            mark="ct mark" if "connmark" in self._rule.words else "meta mark",
        )

    def _target(self, target: str) -> str:
        if target.startswith("ISTIO_"):
            return f"jump {_name(self._rule.table, target)}"
        if target in ("RETURN", "ACCEPT", "DROP"):
            return target.lower()
        makers: dict[str, Callable[[dict[str, str]], str]] = {
            "REDIRECT": lambda given: f"redirect to :{_port(given)}",
            "MARK": lambda given: f"meta mark set {given['--set-mark']}",
            "CT": lambda given: f"ct zone set {given['--zone']}",
            "CONNMARK": _connection_mark,
            "TPROXY": _transparent,
        }
        return makers[target](self._options())

    def _options(self) -> dict[str, str]:
        """The options of a target; one without a value has an empty one."""
        given: dict[str, str] = {}
        name = ""
        for word in self._words:
            if word.startswith("--"):
                name = word
                given[name] = ""
            else:
                given[name] = word
        return given


def _port(given: dict[str, str]) -> str:
    return given.get("--to-ports") or given["--to-port"]


def _connection_mark(given: dict[str, str]) -> str:
    return "ct mark set meta mark" if "--save-mark" in given else "meta mark set ct mark"


def _transparent(given: dict[str, str]) -> str:
    mark = given["--tproxy-mark"].partition("/")[0]
    return f"tproxy to :{given['--on-port']} meta mark set {mark} accept"
