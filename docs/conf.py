"""How `make site` turns these pages into a site: Sphinx reads them as they stand, and nothing is fetched."""

from sphinx.application import Sphinx

project = "Pulse"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 4
html_theme = "furo"
html_title = "Pulse"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

# pages of the repository's root that the site has too, by the page that holds them
ROOT_PAGES = {"../CONTRIBUTING.md": "contributing.md", "../CHANGELOG.md": "changelog.md"}
LIST_OF_DETECTORS = """

```{toctree}
:hidden:
:glob:

*
```
"""


def as_pages_of_the_site(app: Sphinx, name: str, source: list[str]) -> None:
    """Point links to the root's pages at those of the site, and hang the detectors below their overview."""
    if name in ("contributing", "changelog"):
        return
    for path, page in ROOT_PAGES.items():
        source[0] = source[0].replace(f"]({path}", f"]({page}")
    if name == "detectors/README":
        source[0] += LIST_OF_DETECTORS


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", as_pages_of_the_site)
