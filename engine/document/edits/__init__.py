"""Edits of the document: each is a label and a pure function Project -> Project.

An edit applies to the document as it stands, so a relative edit (``move_hits``) inside a drag moves
by the step since the last one. Numbers beyond what makes sense are brought to the nearest that
does; nonsense (unknown ids, lists of unequal lengths, NaN) raises BadInput and changes nothing.
"""
