"""What a panel must keep to at any size and in any language: nothing is cut off, and every target can be hit."""

from __future__ import annotations

LEAST_PX = 23.9

CUT_OFF = """() => {
  const panel = [...document.querySelectorAll(".ins-panel")].find((element) => element.clientHeight);
  const room = panel.getBoundingClientRect();
  const ends = (element) => element.getBoundingClientRect();
  const parts = [...panel.querySelectorAll("*")].filter((part) => part.clientWidth && !part.closest(".find-list"));
  return parts.filter((part) => ends(part).bottom > room.bottom + 1 || ends(part).right > room.right + 1)
    .map((part) => part.className);
}"""
OUTSIDE = """([parts, room]) => {
  const bounds = document.querySelector(room).getBoundingClientRect();
  return [...document.querySelectorAll(parts)].filter((part) => part.checkVisibility())
    .map((part) => [part.className, part.getBoundingClientRect()])
    .filter(([, box]) => box.left < bounds.left || box.right > bounds.right
      || box.top < bounds.top || box.bottom > bounds.bottom + 1)
    .map(([name, box]) => `${name} ${box.left} to ${box.right}, ${box.top} to ${box.bottom}`);
}"""
CUT_HEADS = """() => [...document.querySelectorAll(".st-head")].flatMap((head) => {
  const room = head.getBoundingClientRect();
  return [...head.querySelectorAll("span, select, button")].filter((part) => part.checkVisibility())
    .map((part) => [part.textContent, part.getBoundingClientRect()])
    .filter(([, box]) => box.top < room.top || box.bottom > room.bottom || box.right > room.right)
    .map(([text, box]) => `${text} ${box.top - room.top} to ${box.bottom - room.bottom}`);
})"""
CUT_TEXTS = """(parts) => [...document.querySelectorAll(parts)]
  .filter((part) => part.checkVisibility() && part.scrollWidth > part.clientWidth && part.clientWidth > 0)
  .map((part) => `${part.className}: ${part.textContent}`)"""
SMALL = f"""() => [...document.querySelectorAll("button, a, input, select, [role=slider]")]
  .filter((part) => part.checkVisibility({{ checkVisibilityCSS: true }}) && !(part.type === "checkbox" && part.closest("label")))
  .map((part) => [part.className, part.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.width < {LEAST_PX} || box.height < {LEAST_PX}))
  .map(([name, box]) => `${{name}} ${{box.width}} x ${{box.height}}`)"""  # noqa: E501

UNHELPED = """() => [...document.querySelectorAll(".st-app :is(button, input, select, textarea, [role=slider])")]
  .filter((part) => part.checkVisibility({ checkVisibilityCSS: true }) && part.clientWidth > 1)
  .filter((part) => !part.closest("[title]:not([title=''])"))
  .map((part) => `${part.className} ${part.ariaLabel ?? part.textContent}: no help`)"""

TOO_NARROW = """() => [...document.querySelectorAll(".st-app button, .ins-label, .st-footer")]
  .filter((part) => part.checkVisibility() && part.clientWidth > 1 && part.scrollWidth > part.clientWidth + 1)
  .map((part) => `${part.className}: ${part.textContent}`)"""
