"""Archives that a case library is built of: what each holds, as cases without identities."""

from sidenote.archives.opening import Given, Opened, open_archive

__all__ = ["Given", "Opened", "open_archive"]
