"""The page: a Gradio Blocks that holds the editor and nothing else."""

from __future__ import annotations

from fastapi import FastAPI
from jinja2 import ChoiceLoader, DictLoader

from ui.editor.component import Editor
from ui.gradio_without_stubs import gr

GROUND = "#0e1116"
INK = "#e7ebf0"

QUEUE_REST_S = 1.0

# Gradio's background is white until its theme loads; the editor covers the page, so the page may be plain.
PAGE_CSS = f"""
html, body, gradio-app, .gradio-container {{ background: {GROUND} !important; color: {INK}; overflow: hidden; }}
.gradio-container {{ padding: 0 !important; max-width: none !important; }}
footer {{ display: none !important; }}
"""

# Gradio's loading sign goes on asking for frames when it is gone, sixty a second: a tenth of a core. It keeps the
# function that it finds when its script loads, as others may; so its script alone gets none once the editor is there.
FRAMES = """<script>
{
  const ask = window.requestAnimationFrame;
  let isLoading = true;
  const isSign = () => /\\/statustracker-/.test(new Error().stack ?? "");
  window.requestAnimationFrame = (draw) => (isLoading || !isSign() ? ask.call(window, draw) : 0);
  const rest = () => { isLoading = false; window.requestAnimationFrame = ask; };
  window.addEventListener("struck-mount", rest, { once: true });
}
</script>"""
PAGE_HEAD = f'<meta name="color-scheme" content="dark">{FRAMES}<link rel="modulepreload" href="/struck/static/main.js">'
PAGE_TEMPLATE = "frontend/index.html"


def build() -> gr.Blocks:
    """The page's layout."""
    with gr.Blocks(title="Struck", analytics_enabled=False, fill_width=True, fill_height=True) as page:
        Editor()
    # Gradio looks a thousand times a second for events that the editor, which has a socket of its own, never sends.
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = QUEUE_REST_S
    return page


def mount(app: FastAPI, port: int) -> FastAPI:
    """Serve the page at the root of ``app``; routes added to ``app`` before this come first."""
    begin_head(PAGE_HEAD)
    theme = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(
        body_background_fill=GROUND,
        body_background_fill_dark=GROUND,
        body_text_color=INK,
        body_text_color_dark=INK,
    )
    return gr.mount_gradio_app(
        app,
        build(),
        path="/",
        server_port=port,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
        theme=theme,
        css=PAGE_CSS,
    )


def begin_head(elements: str) -> None:
    """Put elements first in the head of Gradio's page; its own option adds them when all of its scripts have run."""
    templates = gr.routes.templates.env
    assert templates.loader is not None
    page = templates.loader.get_source(templates, PAGE_TEMPLATE)[0]
    if elements not in page:
        ours = DictLoader({PAGE_TEMPLATE: page.replace("<head>", f"<head>{elements}", 1)})
        templates.loader = ChoiceLoader([ours, templates.loader])
