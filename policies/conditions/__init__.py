"""What a rule or a guidance topic may ask of a case: typed conditions with three answers, yes, no and cannot tell.

One file per kind; `language` holds the union and the combinators. A new kind is a file with a model and an `evaluate`,
and a line in each of the two tables of `language`.
"""

from policies.conditions.answer import Answer
from policies.conditions.language import Condition, evaluate, leaves, parse_condition, written

__all__ = ["Answer", "Condition", "evaluate", "leaves", "parse_condition", "written"]
