"""The editor as a Gradio component: a static element and a script that imports the editor's modules."""

from __future__ import annotations

from ui.gradio_without_stubs import gr

# The template never changes and holds no value, so Gradio never touches what the modules build inside it.
TEMPLATE = '<div id="struck-root"><p class="struck-wait">Starting Struck…</p></div>'

STYLE = """
#struck-root { position: fixed; inset: 0; z-index: 10; overflow: hidden; background: #0e1116; color: #e7ebf0; }
#struck-root > .struck-wait { position: absolute; inset: 0; display: grid; place-items: center; margin: 0;
  font: 14px system-ui, sans-serif; color: #93a0b0; }
@media (prefers-color-scheme: light) {
  #struck-root { background: #eceff3; color: #161b22; }
  #struck-root > .struck-wait { color: #465262; }
}
"""

START = """
const root = element.querySelector('#struck-root');
import('/struck/static/main.js').then(
  (module) => { window.dispatchEvent(new Event('struck-mount')); root.replaceChildren(); module.mount(root); },
  (error) => { root.textContent = 'The editor did not load (' + error.message + '); reload the page.'; },
);
"""


class Editor(gr.HTML):
    """Struck's editor; everything after the mount runs over the routes under /struck/."""

    def __init__(self) -> None:
        super().__init__(
            value="",
            html_template=TEMPLATE,
            css_template=STYLE,
            js_on_load=START,
            apply_default_css=False,
            elem_id="struck-editor",
        )

    def get_block_name(self) -> str:
        """Gradio finds the browser's part of a component by this name."""
        return "html"
