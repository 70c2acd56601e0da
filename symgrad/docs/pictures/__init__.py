"""Pictures of the gallery: every model at work, on its generated module alone.

`python -m symgrad.docs.pictures`, in a checkout with the extra `docs`, draws them all into the documentation.
"""
