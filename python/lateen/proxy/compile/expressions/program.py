"""Building the nodes that workers evaluate, from the leaves to the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lateen.protos.worker_pb2 import Expression, ExpressionNode
from lateen.proxy.compile.values import JsonValue, to_json

_DEEPEST = 64
_PAIR = 2
_NODE = "xds.node"
_ABSENT = {
    "upstream": ("num_endpoints",),
    "xds": ("upstream_host_locality_metadata",),
}


class ProgramError(Exception):
    """A part of an expression that workers do not evaluate."""


class Program:
    """Nodes, each after those that it is made of; every method gives the place of a new one.

    Args:
        of_node: the fields of `xds.node`; None where expressions do not know the node.
    """

    def __init__(self, of_node: Mapping[str, JsonValue] | None) -> None:
        self.expression = Expression()
        self._depths: list[int] = []
        self._of_node = of_node

    def add(self, node: ExpressionNode, parts: Sequence[int] = ()) -> int:
        """A node made of `parts`.

        Raises:
            ProgramError: it is nested too deeply.
        """
        depth = 1 + max((self._depths[part] for part in parts), default=0)
        if depth > _DEEPEST:
            raise ProgramError(f"an expression is at most {_DEEPEST} levels deep")
        self.expression.nodes.append(node)
        self._depths.append(depth)
        return len(self._depths) - 1

    def null(self) -> int:
        """The null value."""
        return self.add(ExpressionNode(null=ExpressionNode.Null()))

    def name(self, name: str) -> int:
        """An identifier."""
        return self.add(ExpressionNode(name=name))

    def select(self, operand: int, field: str, *, presence: bool = False) -> int:
        """A field of `operand`, or with `presence` whether there is such a field.

        Raises:
            ProgramError: it is an attribute that is not implemented.
        """
        of = self.expression.nodes[operand]
        if of.name == "xds" and field == "node" and self._of_node is not None and not presence:
            of.name = _NODE
            return operand
        self._check_attribute(of, field)
        select = ExpressionNode.Select(operand=operand, field=field, presence=presence)
        return self.add(ExpressionNode(select=select), [operand])

    def ask_presence(self, at: int) -> bool:
        """Make the field at `at` the question whether there is one; False if it is no field."""
        node = self.expression.nodes[at]
        if node.name == _NODE:
            node.boolean = True
            return True
        if node.WhichOneof("kind") != "select" or node.select.presence:
            return False
        node.select.presence = True
        return True

    def _check_attribute(self, of: ExpressionNode, field: str) -> None:
        known = self._of_node or {}
        if field in _ABSENT.get(of.name, ()) or (of.name == _NODE and field not in known):
            raise ProgramError(f"the attribute {of.name}.{field} is not implemented")

    def call(self, function: str, arguments: Sequence[int], *, method: bool = False) -> int:
        """A call; of a `method`, the first argument stands before it."""
        if function == "_[_]" and len(arguments) == _PAIR:
            of, index = (self.expression.nodes[at] for at in arguments)
            self._check_attribute(of, index.text)
        call = ExpressionNode.Call(function=function, arguments=arguments, method=method)
        return self.add(ExpressionNode(call=call), arguments)

    def joined(self, function: str, operands: Sequence[int]) -> int:
        """`&&` or `||` of all operands, as a tree that is as flat as can be."""
        if len(operands) == 1:
            return operands[0]
        middle = (len(operands) + 1) // 2
        left = self.joined(function, operands[:middle])
        return self.call(function, [left, self.joined(function, operands[middle:])])

    def list(self, items: Sequence[int]) -> int:
        """A list."""
        return self.add(ExpressionNode(list=ExpressionNode.Items(items=items)), items)

    def map(self, items: Sequence[int]) -> int:
        """A map of keys and values, in turn."""
        return self.add(ExpressionNode(map=ExpressionNode.Items(items=items)), items)

    def finished(self) -> Expression:
        """The expression.

        Raises:
            ProgramError: `xds.node` is asked for as a whole.
        """
        fields = [n.select.operand for n in self.expression.nodes if n.HasField("select")]
        for place, node in enumerate(self.expression.nodes):
            if node.name != _NODE:
                continue
            if place not in fields:
                raise ProgramError("xds.node as a whole is not implemented; ask for its fields")
            node.json = to_json(dict(self._of_node or {}))
        return self.expression
