"""The errors a user can meet. Each message names the thing, the number and the remedy.

    GristmillError
    ├── RecipeError     what the user wrote: recipe, mixture, filter chain, command line
    ├── InputError      what the user pointed at: a missing file, an empty glob, a file of the wrong kind
    ├── StoreError      where the corpus lies: cannot be written, no space left, belongs to another recipe
    └── DataError       data at rest that does not hold what its entry says
        ├── LedgerError a count that does not balance
        └── GateError   a source that would lose more to dedupe than the recipe allows

The front door prints them as one line; anything else is a fault of ours and keeps its trace.
"""


class GristmillError(Exception):
    """A mistake or a mishap that the message explains."""


class RecipeError(GristmillError):
    """What the user wrote cannot be followed: an unknown key, a value out of range, weights that cannot be met."""


class InputError(GristmillError):
    """What the user pointed at is not there or not of the kind."""


class StoreError(GristmillError):
    """The corpus' store cannot be read or written, or belongs to another recipe."""


class DataError(GristmillError):
    """Stored data differ from what was recorded about them."""


class LedgerError(DataError):
    """Records, documents, bytes or tokens that went in are not accounted for."""


class GateError(DataError):
    """A source would lose more to dedupe than the recipe allows, and nobody has said that this is right."""
