// @ts-check
// The Find tab: what might be struck, from the picture, from words or from a sound like it; each is heard at once.

import { translateSource } from "../texts/server.js";
import { LANGUAGE, t } from "../texts/t.js";
import { createDrop } from "./bank_drop.js";
import { createFoundRow, markTaken } from "./found_row.js";
import { createLook, describeLook } from "./look.js";
import { createPictureIt } from "./picture_it.js";
import { createThumbnails } from "./thumbnails.js";
import { soundColor } from "../widgets/format.js";
import { requireProject } from "../state/project.js";
import { createButton, createSegments, elementsIn, focusedElement, make, newGesture } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
/** @import { Bank, Search, SearchAnswer } from "../state/protocol.d.ts" */
/** @import { AudioEngine, Candidate, Sound, Store } from "../state/types.d.ts" */

/** @import { Shared } from "./inspector.js" */
/** @typedef {Search["by"]} Way */

/** @type {[Way, string, string][]} */
const WAYS = [["picture", t("common.picture"), t("find.sounds_that_fit_what")], ["words", t("find.words"), t("find.sounds_that_fit")], ["sound", t("find.like_it"), t("find.sounds_that_are")], ["new", t("find.new"), t("find.new_sounds_from")]];
const PARTS = [["modes", t("common.modes"), t("find.what_rings")], ["noise", t("common.noise"), t("find.the_strikes_noise")], ["room", t("common.room"), t("find.the_space_around")]];
const EXAMPLE = t("find.thin_glass_bottle");
const EXAMPLES = [EXAMPLE, t("find.heavy_iron_pan"), t("find.hollow_wooden_box"), t("find.small_ceramic_mug"), t("find.cardboard_box_fist")];
const BUSY = new Set(["opening", "detecting", "analysing"]);
const BEFORE_S = 0.35; // the picture starts this much before the hit that is tried
const TRY_MS = 20000;
/**
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {Shared} shared
 */
export function createFindPanel(store, audio, shared) {
  /** @type {Way} */
  let way = "words";
  /** @type {SearchAnswer | null} */
  let answer = null; // the last search results
  let asked = 0;
  let waiting = false;
  /** @type {{to: string, gesture: string, id: string} | null} */
  let using = null; // the candidate taken last, and what it went to
  /** @type {{before: Map<string, string | undefined>, until_ms: number} | null} */
  let trying = null; // hits, by id, whose new sound is played as soon as it is there
  let material = ""; // that the user said the thing looked at is of
  /** @type {{x: number, y: number, time_s: number} | null} */
  let pointedAt = null; // where in the picture the user said it is struck
  /** @type {(() => void) | null} */
  let stopPointing = null;
  let looked = ""; // the sound, and its hits, whose picture was looked at by itself
  let shown = ""; // digest of the clip on show
  /** @type {Bank | null} */
  let bank = null;
  /** @type {Map<string, Candidate>} */
  const pinned = new Map(); // id -> candidate
  /** @type {{request: number, to: string} | null} */
  let taking = null; // the request whose best is taken, and what it is for
  const parts = new Set(PARTS.map(([name]) => name));

  const sound = () => shared.currentSound();
  /** The selected hits that a press applies to, where there are several; otherwise it applies to the sound. */
  const chosenHits = () => {
    const hits = store.view?.project?.hits.filter((hit) => store.selection.hits.has(hit.id)) ?? [];
    return hits.length > 1 ? hits : null;
  };
  /** The name of what a press applies to. */
  const receiver = () => chosenHits()?.map((hit) => hit.id).join() ?? sound()?.id ?? "";
  /** The candidate taken last, where what it went to is chosen and its use is the newest entry of the history. */
  const taken = () => (using?.to === receiver() && using.gesture === store.view?.undo_gesture ? using : null);
  /** @param {string} id */
  const hitsOf = (id) => requireProject(store).hits.filter((hit) => hit.sound_id === id);

  // --- what is asked -------------------------------------------------------------------------------

  const words = make("input", "find-words", { type: "search", placeholder: EXAMPLE, title: t("find.words_help"), "aria-label": t("find.what_is_struck"), autocomplete: "off", spellcheck: false, maxLength: 300 });
  words.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && words.value) words.value = "";
    else if (event.key === "Enter") ask("words");
    else if (event.key === "Escape") words.blur();
    if (!(event.ctrlKey || event.metaKey)) event.stopPropagation();
  });
  const go = createButton(t("common.find"), { title: t("find.find_sounds_that"), onPress: () => ask("words") });
  const ways = createSegments({ label: t("find.find_by"), choices: WAYS, onChoose: (value) => ask(value) });
  const target = make("span", "find-target");
  const dot = make("i", "ins-dot");
  const top = make("div", "ins-row find-top", {}, dot, target, make("span", "st-space"), make("span", "ins-label", { textContent: t("find.find_by") }), ways.element);
  const search = make("div", "ins-row find-search", {}, words, go);

  const said = make("div", "ins-quiet find-said", { role: "status" });
  const look = createLook({ onPoint: pointAtIt, onMaterial: (name) => {
    material = name === material ? "" : name;
    ask("picture", { keep: true });
  } });

  const pictureIt = createPictureIt(store, sound, () => shared.openStoryboard());

  // --- what is taken -------------------------------------------------------------------------------

  const boxes = PARTS.map(([name, text, help]) => {
    const box = make("input", "", { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      if (box.checked) parts.add(name);
      else parts.delete(name);
      if (!parts.size) {
        parts.add(name); // nothing at all cannot be taken
        box.checked = true;
      }
    });
    return make("label", "ins-check", { title: t("find.take_of_the", { help }) }, box, text);
  });
  const take = make("div", "ins-row find-take", {}, make("span", "ins-label", { textContent: t("find.a_press_takes"), title: t("find.to_the_selected") }), ...boxes, make("span", "st-space"));
  const list = make("div", "find-list", { role: "list", "aria-label": t("find.sounds_found") });
  const thumbnails = createThumbnails(store, list, () => show());
  take.append(thumbnails.choice);
  list.addEventListener("keydown", (event) => {
    const rows = elementsIn(list, ".find-use");
    const at = rows.findIndex((found) => found === focusedElement());
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || at < 0) return;
    rows[Math.min(rows.length - 1, Math.max(0, at + step))].focus();
    event.preventDefault();
    event.stopPropagation();
  });

  const revert = createButton(t("find.back"), { title: t("find.undo_what_was"), onPress: goBack });
  const materials = createButton(t("find.materials"), { title: t("find.presets_by_material"), onPress: () => shared.openMaterials() });
  const drop = createDrop(store, shared, () => ask(way === "sound" ? "sound" : "words", { quiet: true }));
  const size = make("span", "ins-quiet find-size");
  const foot = make("div", "ins-row find-foot", {}, size, revert, materials, drop.button, drop.folderButton);
  const body = make("div", "find-body", {}, top, search, look.element, said, take, list, drop.told, pictureIt.element, foot);
  const empty = make("p", "ins-empty", { textContent: t("find.open_a_clip") });
  const element = make("div", "ins-panel find-panel", {}, body, empty);

  // --- doing ---------------------------------------------------------------------------------------

  /**
   * @param {Way} by
   * @param {{quiet?: boolean, keep?: boolean}} [options] keep: what the user said of the picture still holds
   */
  function ask(by, { quiet = false, keep = false } = {}) {
    const s = sound();
    if (!s) return;
    stopPointing?.();
    if (!keep) {
      material = "";
      pointedAt = null;
    }
    if (by === "words" && !words.value.trim()) {
      way = "words";
      if (answer?.by === "words") answer = null; // that of the words before
      show();
      if (!quiet) words.focus();
      return;
    }
    way = by;
    waiting = true;
    store.send({
      type: "search", by, request: ++asked, sound_id: s.id, text: words.value.trim(),
      ...(by === "picture" && material ? { material } : {}),
      ...(by === "picture" && pointedAt ? { contact: /** @type {[number, number]} */ ([pointedAt.x, pointedAt.y]), time_s: pointedAt.time_s } : {}),
    });
    show();
  }

  /** Wait for a click on the struck object in the picture, and predict from there. */
  function pointAtIt() {
    if (stopPointing) stopPointing();
    else {
      stopPointing = shared.player().pickPoint((point) => {
        stopPointing = null;
        if (point) {
          pointedAt = point;
          material = "";
          ask("picture", { keep: true });
        } else show();
      });
    }
    show();
  }

  /** @param {Sound} s */
  const subject = (s) => `${s.id} ${hitsOf(s.id).map((hit) => hit.id).join()}`;

  /**
   * Apply a candidate to the sound and play it at its hit, with the picture.
   * @param {Candidate} candidate
   */
  function use(candidate) {
    const s = sound();
    if (!s) return;
    const to = receiver();
    const gesture = taken()?.gesture ?? newGesture();
    using = { to, gesture, id: candidate.id };
    const hits = chosenHits() ?? hitsOf(s.id);
    trying = { before: new Map(hits.map((hit) => [hit.id, store.rendered.get(hit.id)?.key])), until_ms: performance.now() + TRY_MS };
    audio.resume().catch(() => {});
    store.send({ type: "use_candidate", id: candidate.id, sound_id: s.id, parts: [...parts], hits: chosenHits()?.map((hit) => hit.id), gesture });
    if (!hits.length) hear(candidate);
    show();
  }

  /** @param {Candidate} candidate */
  function hear(candidate) {
    audio.resume().catch(() => {});
    store.send({ type: "audition_candidate", id: candidate.id });
  }

  /** Once the hit is sampled, play picture and sound from a little before it. */
  function playTried() {
    if (!trying) return;
    const { before, until_ms } = trying;
    if (performance.now() > until_ms) {
      trying = null;
      return;
    }
    const hits = requireProject(store).hits.filter((hit) => before.has(hit.id)).sort((a, b) => a.time_s - b.time_s);
    const hit = hits.find((h) => store.selection.hits.has(h.id)) ?? hits[0];
    const entry = hit && store.rendered.get(hit.id);
    if (!entry || entry.key === before.get(hit.id)) return;
    trying = null;
    const player = shared.player();
    if (!player || player.playing) return;
    player.seek(Math.max(0, hit.time_s - BEFORE_S));
    player.play();
  }

  function goBack() {
    if (!taken()) return;
    using = trying = null;
    store.send({ type: "undo" });
    show();
  }

  /** @param {Candidate} candidate */
  function pin(candidate) {
    if (pinned.has(candidate.id)) pinned.delete(candidate.id);
    else pinned.set(candidate.id, candidate);
    show();
  }

  // --- showing -------------------------------------------------------------------------------------

  /** @param {Candidate} candidate */
  function row(candidate) {
    return createFoundRow(candidate, {
      isPinned: pinned.has(candidate.id), isNew: answer?.by === "new" || candidate.score === 0,
      picture: thumbnails.slot(candidate), hear, use, pin,
    });
  }

  /** Description of the result: confidence of the prediction, parsed words, unknown words. */
  function sentence() {
    if (waiting) return [way === "picture" ? t("find.looking_at_the") : t("find.searching")];
    if (!answer) return [t("find.describe_the_struck")];
    if (answer.by === "picture") return [describeLook(answer, material)];
    if (answer.by === "new" && !answer.understood) return [t("find.generated_for_the", { seen: answer.seen ? `: ${answer.seen}` : "" })];
    if (answer.by === "sound") return [t("find.sounds_most_similar")];
    /**
     * @param {string} text
     * @param {string} className
     * @param {string} title
     */
    const chip = (text, className, title) => make("span", `find-chip ${className}`, { textContent: text, title });
    const understood = (answer.understood ?? []).map(([text, meaning]) => (meaning.endsWith("no effect") ? chip(t("find.no_effect", { words: text }), "is-unknown", meaning) : chip(text, "", meaning)));
    const unknown = (answer.unknown ?? []).map((word) => chip(t("find.unknown", { word }), "is-unknown", t("find.unknown_word_try")));
    return understood.length ? [...understood, ...unknown] : [t("find.nothing_in_these"), ...unknown];
  }

  const examples = make("div", "find-examples", { role: "listitem" }, make("p", "ins-quiet", { textContent: t("find.for_example") }),
    ...EXAMPLES.map((text) => createButton(text, { kind: "quiet", title: t("find.find_sounds_that"), onPress: () => {
      words.value = text;
      ask("words");
    } })));

  function show() {
    const s = sound();
    body.hidden = !s;
    empty.hidden = Boolean(s);
    if (!s) return;
    const hits = hitsOf(s.id).length;
    dot.style.setProperty("--sound", soundColor(requireProject(store), s.id));
    const chosen = chosenHits();
    const struck = new Set(chosen?.map((hit) => hit.sound_id)).size;
    target.textContent = chosen ? (struck > 1 ? t("find.selected_hits_of_sounds", { count: chosen.length, sounds: struck }) : t("find.selected_hits_of", { count: chosen.length, name: s.name })) : `${s.name} · ${t("common.hits", { count: hits })}`;
    target.title = translateSource(s.origin_note ?? "");
    ways.set(way);
    look.show(answer?.by === "picture" ? answer : null, Boolean(stopPointing), material);
    said.replaceChildren(...sentence());
    said.classList.toggle("is-waiting", waiting);
    const found = (answer?.candidates ?? []).filter((candidate) => !pinned.has(candidate.id));
    const at = list.scrollTop;
    const focused = /** @type {HTMLElement | null | undefined} */ (list.contains(document.activeElement) ? document.activeElement?.closest(".find-row") : null)?.dataset.id;
    const rows = [...pinned.values(), ...found].map(row);
    list.replaceChildren(...(rows.length || waiting || answer ? rows : [examples]));
    list.scrollTop = at;
    if (focused) elementsIn(list, `[data-id="${focused}"] .find-use`)[0]?.focus({ preventScroll: true });
    thumbnails.watch();
    take.hidden = !rows.length;
    pictureIt.show();
    pictureIt.allow(Boolean(bank?.pictures));
    showTaken();
    size.title = size.textContent = bank ? (bank.own ? t("find.sounds_of_your", { sounds: bank.sounds.toLocaleString(LANGUAGE), own: bank.own }) : t("find.sounds", { sounds: bank.sounds.toLocaleString(LANGUAGE) })) : "";
  }

  function showTaken() {
    const id = taken()?.id ?? null;
    markTaken(list, id);
    revert.disabled = !id || store.isSending; // until the server says so, the use may be refused
  }

  /** When the tab is opened: request the size of the bank, and search by the picture of a silent clip. */
  function opened() {
    if (!bank) store.send({ type: "bank_size" });
    lookByItself();
    show();
  }

  /** Search by the picture of a silent clip automatically, once for each sound, unless there is another search. */
  function lookByItself() {
    const s = sound();
    const clip = store.view?.project?.clip;
    if (!s || !clip || clip.has_audio || element.hidden || waiting || (answer && answer.by !== "picture") || !hitsOf(s.id).length) return;
    if (BUSY.has(store.status.phase) || looked === subject(s)) return; // its hits are still being found, or it was done
    looked = subject(s);
    ask("picture");
  }

  /** Another clip: clear the query and the results. */
  function forget() {
    asked++; // an answer under way is of the other clip
    words.value = material = looked = "";
    answer = using = trying = pointedAt = null;
    waiting = false;
    way = "words";
    stopPointing?.();
    pinned.clear();
  }

  const scope = createScope();
  scope.add(store.on("search_results", (message) => {
    if (message.request !== asked) return;
    waiting = false;
    answer = message;
    list.scrollTop = 0;
    show();
    // What was chosen meanwhile must not get the sound.
    if (message.request === taking?.request && taking.to === receiver() && message.candidates.length) use(message.candidates[0]);
  }));
  scope.add(store.on("bank", (message) => {
    bank = message;
    thumbnails.allow(message.pictures);
    drop.tell(message);
    show();
  }));
  scope.add(store.watch(() => [store.view?.project?.clip, store.view?.project?.hits, store.view?.project?.sounds], () => {
    const project = store.view?.project;
    const digest = project?.clip.digest ?? "";
    if (digest !== shown) {
      shown = digest;
      forget();
    }
    lookByItself();
  }));
  scope.add(store.watch(() => [store.view?.undo_gesture, store.isSending], showTaken));
  scope.add(store.on("status", lookByItself));
  scope.add(store.on("selection", show));
  scope.add(store.on("rendered", playTried));
  scope.add(store.on("error", () => {
    waiting = false;
    trying = null;
    show();
  }));
  scope.add(drop.dispose);
  scope.add(pictureIt.dispose);
  scope.add(thumbnails.dispose);
  scope.add(() => stopPointing?.());

  return {
    element, show, opened,
    /**
     * Search by words and take the best for the chosen hits; the others found stay at hand.
     * @param {string} text
     */
    takeBest(text) {
      words.value = text;
      ask("words");
      taking = waiting ? { request: asked, to: receiver() } : null;
    },
    /** @param {DragEvent} event */
    takeDropped: (event) => drop.takeDropped(event, element),
    dispose: scope.dispose,
  };
}
