"""The checks of a claim against its evidence, one in a file, each `check(claim, cited, patient) -> Check`.

`cited` are the items of this run the claim names, in the claim's order; ids that do not exist are not among them. A check that
does not apply to a claim says `supported` and why. None of them asks a model.
"""
