"""The page: a Gradio Blocks that holds the editor and nothing else."""

from __future__ import annotations

import os

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import gradio as gr
from fastapi import FastAPI

from ui.editor.component import Editor

GROUND = "#0e1116"
INK = "#e7ebf0"

QUEUE_REST_S = 1.0

# Gradio's background is white until its theme loads; the editor covers the page, so the page may be plain.
PAGE_CSS = f"""
html, body, gradio-app, .gradio-container {{ background: {GROUND} !important; color: {INK}; overflow: hidden; }}
.gradio-container {{ padding: 0 !important; max-width: none !important; }}
footer {{ display: none !important; }}
"""
PAGE_HEAD = '<meta name="color-scheme" content="dark"><link rel="modulepreload" href="/struck/static/main.js">'


def build() -> gr.Blocks:
    """The page's layout."""
    with gr.Blocks(title="Struck", analytics_enabled=False, fill_width=True, fill_height=True) as page:
        Editor()
    # Gradio looks a thousand times a second for events that the editor, which has a socket of its own, never sends.
    page._queue.sleep_when_free = page._queue.progress_update_sleep_when_free = QUEUE_REST_S
    return page


def mount(app: FastAPI, port: int) -> FastAPI:
    """Serve the page at the root of ``app``; routes added to ``app`` before this come first."""
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
        head=PAGE_HEAD,
    )
