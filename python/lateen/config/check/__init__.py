"""What a configuration must be beyond its fields' rules, one function a message type.

The checks run in the walk that checks the rules (lateen.config.validate), so that a type without
checks costs nothing. What compiling finds out anyway (lateen.proxy.compile) is not checked here.
"""

from lateen.config.check.context import CheckContext, MessageCheck
from lateen.config.check.registry import CHECKS

__all__ = ["CHECKS", "CheckContext", "MessageCheck"]
