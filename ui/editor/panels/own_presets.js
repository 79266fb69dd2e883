// @ts-check
// Presets of one's own: a sound kept under a name and tags, all of them as a file, a file taken in.

import { describeError, upload } from "../state/upload.js";
import { createSheet } from "../arrange/sheet.js";
import { t } from "../texts/t.js";
import { createButton, make } from "../widgets/controls.js";
/** @import { PresetInfo } from "../state/protocol.d.ts" */
/** @import { Store } from "../state/types.d.ts" */

/**
 * @param {HTMLElement} app
 * @param {Store} store
 */
export function createOwnPresets(app, store) {
  const words = make("p", "ins-quiet arr-words");
  const name = make("input", "ins-entry ins-time", { type: "text", maxLength: 120, placeholder: t("own_presets.name"), title: t("own_presets.name_help"), "aria-label": t("common.name_of_the"), spellcheck: false, autocomplete: "off", oninput: show });
  const tags = make("input", "ins-entry ins-time", { type: "text", maxLength: 400, placeholder: t("own_presets.tags_with_commas"), title: t("own_presets.tags_help"), "aria-label": t("own_presets.tags_of_the"), spellcheck: false, autocomplete: "off" });
  const search = make("input", "ins-entry ins-time is-search", { type: "text", placeholder: t("own_presets.search_names_and"), title: t("own_presets.search_help"), "aria-label": t("own_presets.search_your_presets"), spellcheck: false, autocomplete: "off", oninput: show });
  const list = make("ul", "arr-layers is-presets");
  const file = make("input", "", { type: "file", accept: ".json,application/json", hidden: true, onchange: () => takeIn() });
  const bring = createButton(t("common.import"), { title: t("own_presets.take_in_a"), onPress: () => file.click() });
  const give = make("a", "", { href: "/struck/presets", download: "struck-presets.json", className: "ins-button is-link", textContent: t("common.export"), title: t("own_presets.all_your_presets") });
  const apply = createButton(t("common.keep"), { title: t("own_presets.keep_the_sound"), onPress: keep });
  apply.classList.add("is-main");
  const sheet = createSheet(app, store, {
    title: t("own_presets.your_presets"),
    content: [words, make("div", "arr-preset-fields", {}, name, tags), search, list, make("div", "ins-row", {}, bring, give, file, make("span", "st-space"), apply)],
    apply, onShow: begin, onEnter: keep,
  });

  const sound = () => store.view?.project?.sounds.find(({ id }) => id === store.selection.soundId) ?? store.view?.project?.sounds[0] ?? null;
  const own = () => (store.welcome?.presets ?? []).filter((preset) => preset.is_own);

  function begin() {
    name.value = sound()?.name ?? "";
    tags.value = search.value = "";
    show();
  }

  function keep() {
    const chosen = sound();
    if (!chosen || !name.value.trim()) return;
    store.send({ type: "save_preset", sound_id: chosen.id, name: name.value.trim(), tags: tags.value.split(",").map((tag) => tag.trim()).filter(Boolean) });
  }

  async function takeIn() {
    const [chosen] = file.files ?? [];
    file.value = "";
    if (!chosen) return;
    try {
      store.send({ type: "import_presets", path: await upload(chosen, store.session) });
    } catch (error) {
      const message = describeError(error);
      if (message) store.emit("error", { type: "error", message });
    }
  }

  function show() {
    const chosen = sound();
    const mine = own();
    const wanted = search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const found = mine.filter(({ name: title, tags: words_ }) => wanted.every((word) => `${title} ${words_.join(" ")}`.toLowerCase().includes(word)));
    const replaced = mine.some(({ name: title }) => title === name.value.trim());
    words.textContent = chosen ? t("own_presets.is_kept_as", { name: chosen.name }) : t("common.no_sound_yet");
    apply.disabled = !chosen || !name.value.trim();
    apply.textContent = replaced ? t("common.replace") : t("common.keep");
    search.hidden = give.hidden = !mine.length;
    list.replaceChildren(...found.map(presetRow));
  }

  /** @param {PresetInfo} preset */
  function presetRow(preset) {
    const remove = make("button", "ins-button", { type: "button", textContent: "×", "aria-label": t("own_presets.delete", { name: preset.name }), title: t("own_presets.delete", { name: preset.name }), onclick: () => {
      if (remove.classList.contains("is-asking")) store.send({ type: "delete_preset", name: preset.name });
      remove.classList.add("is-asking");
      remove.textContent = t("own_presets.delete_it");
    } });
    return make("li", "", {},
      make("button", "ins-button", { type: "button", textContent: "▶", "aria-label": t("common.hear", { name: preset.name }), title: t("common.hear", { name: preset.name }), onclick: () => store.send({ type: "audition_preset", name: preset.name }) }),
      make("span", "arr-preset-name", { textContent: preset.name }), make("span", "ins-quiet", { textContent: preset.tags.join(", ") }), remove);
  }

  const cleanup = store.on("welcome", () => sheet.isOpen && show());
  return {
    open: sheet.open,
    dispose() {
      sheet.dispose();
      cleanup();
    },
  };
}
