// @ts-check
// The inspector: Hit, List, Sound, Find, Sampler, Mix and Perform.

import { createHitList } from "../arrange/hit_list.js";
import { t } from "../texts/t.js";
import { createFindPanel } from "./find.js";
import { createHitPanel } from "./hit.js";
import { createMixPanel } from "../mix/panel.js";
import { createSamplerPanel } from "./sampler.js";
import { createSoundPanel } from "./sound.js";
import { elementsIn, make } from "../widgets/controls.js";
import { createScope } from "../widgets/scope.js";
/** @import { Arranging } from "../arrange/arranging.js" */
/** @import { SoundState } from "../state/protocol.d.ts" */
/** @import { AudioEngine, Player, Selection, Store } from "../state/types.d.ts" */

/** @typedef {"hit" | "list" | "sound" | "find" | "sampler" | "mix" | "perform"} TabName */
/**
 * @typedef {object} Shared what panels ask of the inspector
 * @property {() => SoundState | null} currentSound the one on show
 * @property {(partial: Partial<Selection>) => void} select
 * @property {(message: string) => void} report an error
 * @property {() => Player} player
 * @property {() => void} openMaterials
 * @property {() => void} openStoryboard
 * @property {() => void} openParts
 * @property {(name: TabName) => void} showTab
 */

const BUSY = new Set(["opening", "detecting", "analysing"]);
/** @type {[TabName, string, string][]} */
const TABS = [["hit", t("common.hit"), t("inspector.time_strength_and")], ["list", t("common.list"), t("inspector.all_hits_as")], ["sound", t("common.sound"), t("inspector.what_is_struck")], ["find", t("common.find"), t("inspector.other_sounds_by")], ["sampler", t("common.sampler"), t("inspector.how_hits_are")], ["mix", t("common.mix"), t("inspector.levels_pan_and")], ["perform", t("common.perform"), t("inspector.play_hits_by")]];

/**
 * Fill ``root`` with the tabs and their panels.
 * @param {HTMLElement} root
 * @param {Store} store
 * @param {AudioEngine} audio
 * @param {{player: Player, perform: import("../perform/perform.js").Perform, openMaterials: () => void, openParts: () => void, arranging: Arranging, quantize: () => void, importHits: () => void, openStoryboard: () => void, reveal: (time_s: number) => void}} host
 */
export function createInspector(root, store, audio, { player, perform, openMaterials, openParts, arranging, quantize, importHits, openStoryboard, reveal }) {
  /** @type {TabName} */
  let open = "sound";
  /** @type {string | null} */
  let soundId = null;
  let followed = ""; // the selected hits and their sounds, as they were looked at last
  /** @type {string | null} */
  let offered = null; // digest of the clip whose picture was looked at
  /** @type {Shared} */
  const shared = {
    currentSound: () => store.view?.project?.sounds.find((sound) => sound.id === soundId) ?? null,
    select: (partial) => store.select("modes" in partial && !("soundId" in partial) ? { soundId, ...partial } : partial),
    report: (message) => store.emit("error", { type: "error", message }),
    player: () => player,
    openMaterials,
    openStoryboard,
    openParts,
    showTab: (name) => showTab(name),
  };
  const panels = {
    hit: createHitPanel(store, audio, arranging),
    list: createHitList(store, arranging, { player, reveal, quantize, importHits }),
    sound: createSoundPanel(store, audio, shared),
    find: createFindPanel(store, audio, shared),
    sampler: createSamplerPanel(store),
    mix: createMixPanel(store, audio, shared),
    perform: perform.panel,
  };
  const tabs = TABS.map(([name, text, help]) => make("button", "ins-tab", { type: "button", role: "tab", title: help, id: `ins-tab-${name}`, textContent: text, onclick: () => showTab(name) }));
  const bar = make("div", "ins-tabs", { role: "tablist", "aria-label": t("common.inspector") }, ...tabs);
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const next = (TABS.findIndex(([name]) => name === open) + step + TABS.length) % TABS.length;
    showTab(TABS[next][0]);
    tabs[next].focus();
    event.preventDefault();
    event.stopPropagation();
  });
  const frame = make("div", "ins-root", {}, bar, ...Object.values(panels).map((panel) => panel.element));
  root.replaceChildren(frame);

  /** @param {TabName} name */
  function showTab(name) {
    open = name;
    TABS.forEach(([tab], i) => {
      tabs[i].classList.toggle("is-on", tab === open);
      tabs[i].setAttribute("aria-selected", String(tab === open));
      tabs[i].tabIndex = tab === open ? 0 : -1;
      panels[tab].element.hidden = tab !== open;
    });
    if (open === "find") panels.find.opened();
    show();
  }

  /** The displayed sound: the one chosen, or that of newly selected hits, or the first. */
  function followSelection() {
    const project = store.view?.project;
    if (!project) {
      soundId = null;
      return;
    }
    /** @param {string | null} id */
    const known = (id) => project.sounds.some((sound) => sound.id === id);
    const before = soundId;
    if (known(store.selection.soundId)) soundId = store.selection.soundId;
    const hits = project.hits.filter((hit) => store.selection.hits.has(hit.id));
    const struck = new Set(hits.map((hit) => hit.sound_id));
    const shown = hits.map((hit) => `${hit.id} ${hit.sound_id}`).sort().join();
    if (shown !== followed && struck.size === 1) [soundId] = struck; // other hits, or another sound of theirs
    followed = shown;
    if (!known(soundId)) soundId = [...struck][0] ?? project.sounds[0]?.id ?? null;
    if (before !== soundId && (before !== null || store.selection.soundId !== soundId)) {
      store.select({ soundId, modes: before === null ? (store.selection.modes ?? new Set()) : new Set() });
    }
  }

  function show() {
    panels[open].show();
  }

  /** A silent clip whose sounds were or could not be predicted from its picture: show the candidates, once. */
  function offerFinding() {
    const project = store.view?.project;
    if (!project || project.clip.digest === offered || open !== "sound") return;
    if (project.clip.has_audio || !project.hits.length || BUSY.has(store.status.phase)) return;
    if (project.sounds.some((sound) => sound.origin !== "picture" && !sound.is_default)) return;
    offered = project.clip.digest;
    showTab("find");
  }

  function update() {
    followSelection();
    offerFinding();
    show();
  }

  /** Hits alone may have changed, as they do in every frame of a drag: what the Sound tab draws of its sound stays. */
  function updateHits() {
    const before = soundId;
    followSelection();
    offerFinding();
    if (open === "sound" && soundId !== null && soundId === before) panels.sound.showHits();
    else show();
  }

  /** The parts of the document that the open tab shows besides hits, and those that decide which sound it is about. */
  function shownParts() {
    const project = store.view?.project;
    return [project?.clip, project?.sounds, ["sound", "sampler"].includes(open) && project?.render, open === "mix" && project?.mix];
  }

  const scope = createScope();
  scope.add(store.watch(shownParts, update));
  scope.add(store.watch(() => [store.view?.project?.hits], updateHits));
  scope.add(store.on("selection", update));
  scope.add(store.on("status", offerFinding));
  scope.add(store.on("welcome", update));
  for (const panel of [panels.list, panels.sound, panels.find, panels.mix]) scope.add(panel.dispose);
  scope.add(() => root.replaceChildren());
  showTab(open);
  update();

  return {
    showTab,
    /** Show where the user says what is struck, with the keyboard in its search field. */
    askWhatIsStruck() {
      showTab("find");
      elementsIn(panels.find.element, ".find-words")[0]?.focus({ preventScroll: true });
    },
    /**
     * Give the chosen hits the sound that words find, and show what else they find.
     * @param {string} words
     */
    findSound(words) {
      panels.find.takeBest(words);
      showTab("find");
    },
    takeDropped: panels.find.takeDropped,
    /**
     * Page position of a mode's head.
     * @param {{mode: [string, number]}} what
     */
    locate({ mode: [id, index] }) {
      if (open !== "sound") showTab("sound");
      if (soundId !== id) store.select({ soundId: id, modes: new Set() });
      return panels.sound.locate(index);
    },
    dispose: scope.dispose,
  };
}
