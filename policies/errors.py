"""What can be wrong with rules and guidance as data, as types.

PolicyError
  ConditionInvalid     a condition that does not fit the language
  RuleInvalid          a rule file that cannot be used; nothing of the folder is used then
    RuleUnreadable     not YAML, a key twice, a tag, too large
    RuleDuplicate      two rules of one id
  UnknownRule          the asked rule is not in the folder
  GuidanceInvalid      a guidance file that is not what a topic must be; nothing of the folder is used then

Raised in this folder; caught at a door, which turns `code` into problem+json. Messages name files and keys, never PHI.
"""

from __future__ import annotations

from typing import ClassVar


class PolicyError(Exception):
    """Base of every error of the policies."""

    code: ClassVar[str] = "policy_error"
    retryable: ClassVar[bool] = False


class ConditionInvalid(PolicyError):
    """A condition that does not fit the language; the message names the key."""

    code = "condition_invalid"


class RuleInvalid(PolicyError):
    """A rule file that cannot be used; the message names the file and the key."""

    code = "rule_invalid"


class RuleUnreadable(RuleInvalid):
    """Not plain YAML: a syntax error, a key given twice, a tag, an alias, or too large."""

    code = "rule_unreadable"


class RuleDuplicate(RuleInvalid):
    """Two rules of one id."""

    code = "rule_duplicate"


class UnknownRule(PolicyError):
    """The asked rule is not in the folder."""

    code = "unknown_rule"


class GuidanceInvalid(PolicyError):
    """A guidance file that is not what a topic must be. `file` and `key` say where."""

    code = "guidance_invalid"

    def __init__(self, file: str, key: str, reason: str) -> None:
        """Name the file, the key in it and what is wrong there."""
        super().__init__(f"{file}: {key}: {reason}")
        self.file, self.key = file, key
