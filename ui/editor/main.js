// @ts-check
// The editor: brings the parts together in one element and takes them down again when it goes.

import { createAbout } from "./panels/about.js";
import { createArranging } from "./arrange/arranging.js";
import { createConform } from "./arrange/conform.js";
import { createMarkers } from "./arrange/markers.js";
import { createPatternSheet } from "./arrange/pattern_sheet.js";
import { createScrapeSheet } from "./arrange/scrape_sheet.js";
import { createPartsSheet } from "./sound/parts_sheet.js";
import { createLayersSheet } from "./arrange/layers_sheet.js";
import { createQuantize } from "./arrange/quantize.js";
import { createSpotting } from "./arrange/spotting.js";
import { createTakesSheet } from "./arrange/takes_sheet.js";
import { createVersionsSheet } from "./arrange/versions_sheet.js";
import { createAudio } from "./audio/engine.js";
import { createClipFinding } from "./panels/clip_finding.js";
import { createAnnouncer } from "./widgets/announcer.js";
import { createFocus } from "./state/focus.js";
import { createFocusFrames } from "./widgets/focus_frames.js";
import { createFocusTips } from "./widgets/focus_tips.js";
import { createHints } from "./panels/hints.js";
import { createInspector } from "./panels/inspector.js";
import { createKeys } from "./actions/keyboard.js";
import { createKeySheet } from "./actions/key_sheet.js";
import { createKeyTitles } from "./widgets/key_titles.js";
import { createLeaveGuard } from "./state/leaving.js";
import { createLayout } from "./widgets/layout.js";
import { createOwnPresets } from "./panels/own_presets.js";
import { createMaterials } from "./panels/materials.js";
import { createPalette } from "./actions/palette.js";
import { createPerform } from "./perform/perform.js";
import { createPlayer } from "./panels/player.js";
import { createRunner } from "./actions/runner.js";
import { make } from "./widgets/controls.js";
import { createStart } from "./panels/start.js";
import { createStore, sessionId } from "./state/store.js";
import { createSpectrogramView } from "./timeline/spectrogram_view.js";
import { createAnimaticPanel } from "./animatic/panel.js";
import { createStoryboardPanel } from "./storyboard/panel.js";
import { createSyncPanel } from "./sync/panel.js";
import { createTimeline } from "./timeline/timeline.js";
import { LANGUAGE } from "./texts/t.js";
import { createTheme, watchTheme } from "./widgets/theme.js";
import { createToasts } from "./widgets/toasts.js";
import { createTour } from "./panels/tour.js";
import { createTyping } from "./widgets/typing.js";
import { createTopBar } from "./panels/top_bar.js";

const STYLES = ["theme.css", "style.css", "actions/actions.css", "panels/inspector.css", "sound/comparison.css", "panels/find.css", "arrange/arrange.css", "panels/export.css", "perform/perform.css", "mix/mix.css", "sync/sync.css", "animatic/animatic.css", "storyboard/storyboard.css"];

/** @param {string} name */
function loadStyle(name) {
  const address = new URL(name, import.meta.url).href;
  const known = [...document.querySelectorAll("link")].find((link) => link.rel === "stylesheet" && link.href === address);
  if (known) return Promise.resolve();
  return new Promise((done) => {
    // A page without its style is still better shown than not, so an error ends the wait too.
    document.head.append(make("link", "", { rel: "stylesheet", href: address, onload: done, onerror: done }));
  });
}

/**
 * Fill an element with the editor; everything is closed when the element leaves the page.
 * @param {HTMLElement} element
 */
export async function mount(element) {
  await Promise.all(STYLES.map(loadStyle));
  const app = make("div", "st-app", { lang: LANGUAGE });
  // Gradio's style sheet reaches every control inside its container; the editor stands beside it instead.
  const isInGradio = Boolean(element.closest(".gradio-container"));
  app.classList.toggle("is-page", isInGradio);
  element.replaceChildren();
  (isInGradio ? document.body : element).append(app);
  const theme = createTheme(app);
  const store = createStore(sessionId());
  const layout = createLayout(app);
  const audio = createAudio(store);
  const player = createPlayer(layout.picture, store, audio);
  const perform = createPerform(app, store, audio, player);
  const toasts = createToasts(app, store);
  const arranging = createArranging(store, player);
  const quantize = createQuantize(app, store, arranging);
  const patterns = createPatternSheet(app, store, player, arranging, (words) => inspector.findSound(words));
  const spotting = createSpotting(app, store);
  const conform = createConform(app, store);
  const takes = createTakesSheet(app, store, audio, arranging);
  const versions = createVersionsSheet(app, store, audio, player, arranging);
  const scrapes = createScrapeSheet(app, store, audio, player, arranging);
  const layers = createLayersSheet(app, store, audio, arranging);
  const partsSheet = createPartsSheet(app, store, audio, player);
  const ownPresets = createOwnPresets(app, store);
  const materials = createMaterials(app, store, audio);
  const inspector = createInspector(layout.inspector, store, audio, { player, perform, openMaterials: materials.open, openParts: partsSheet.open, arranging, quantize: quantize.open, importHits: spotting.open, openStoryboard: () => storyboard.toggle(), reveal: (time_s) => timeline.reveal(time_s) });
  const start = createStart(app, store, toasts, { takeDropped: (event) => animatic.takeDropped(event) || inspector.takeDropped(event), takeSpotting: spotting.take, about: () => about.open() });
  const clipFinding = createClipFinding(app, store, toasts);
  const timeline = createTimeline(layout.timeline, store, audio, player, { chooseMaterial: materials.open, enlarge: () => spectrogram.toggle(), arranging, quantize: quantize.open, makePattern: patterns.open, showTakes: takes.open, compare: versions.open, scrape: scrapes.open, layers: layers.open, parts: partsSheet.open });
  const markers = createMarkers(store, player, timeline);
  perform.attach({ timeline, showTab: () => inspector.showTab("perform") });
  const spectrogram = createSpectrogramView(layout.picture, store, audio, player, timeline);
  const syncPanel = createSyncPanel(app, store, player, (time_s) => timeline.reveal(time_s));
  const animatic = createAnimaticPanel(app, store, player, toasts);
  const storyboard = createStoryboardPanel(app, store);
  const about = createAbout(app, store);
  const tour = createTour(app, store);
  const keySheet = createKeySheet(app, { about: about.open, tour: tour.open });
  const topBar = createTopBar(layout.top, store, { open: start.open, help: keySheet.open, conform: conform.choose, sync: syncPanel.toggle, animate: animatic.toggle, storyboard: storyboard.toggle, find: inspector.askWhatIsStruck });
  const hints = createHints(layout.footer, store);
  const runner = createRunner(store, { player, timeline, audio, topBar, spectrogram, perform, arranging, markers, inspector, open: {
    quantize: quantize.open, makePattern: patterns.open, showTakes: takes.open, compare: versions.open, scrape: scrapes.open, layers: layers.open, parts: partsSheet.open, presets: ownPresets.open, importHits: spotting.open, conform: conform.choose, chooseMaterial: materials.open, measureSync: syncPanel.toggle, makeAnimatic: animatic.toggle, storyboard: storyboard.toggle,
    help: keySheet.open, palette: () => palette.open(), about: about.open, tour: tour.open,
  } });
  const palette = createPalette(app, runner);
  const keys = createKeys(app, store, runner);
  const keyTitles = createKeyTitles(app);
  const focusFrames = createFocusFrames(app);
  const focusTips = createFocusTips(app);

  const stopShowing = watchTheme(() => store.emit("selection", store.selection)); // every panel shows itself, canvases draw anew
  const announcer = createAnnouncer(app, store);
  const focus = createFocus(store);
  const leaveGuard = createLeaveGuard(store, start.isUploading);
  const typing = createTyping(store);

  const parts = [typing, markers, syncPanel, animatic, storyboard, arranging, quantize, patterns, takes, versions, scrapes, layers, partsSheet, ownPresets, spotting, conform, clipFinding, announcer, focus, spectrogram, leaveGuard, keys, keySheet, keyTitles, focusFrames, focusTips, tour, theme, { dispose: stopShowing }, hints, topBar, timeline, materials, start, toasts, inspector, perform, player, audio, layout, store];
  /** @param {{mode: [string, number]} | {hit: string}} what */
  const locate = (what) => ("mode" in what ? inspector.locate(what) : timeline.locate(what));
  const struck = { store, audio, player, timeline, inspector, perform, locate };
  Object.assign(window, { struck }); // for tests, and for whoever looks at the page's console

  // The page tells nobody when it takes an element away, so look after every change near the top of the tree.
  const watcher = new MutationObserver(() => {
    if (element.isConnected && app.isConnected) return;
    watcher.disconnect();
    for (const part of parts) part.dispose();
    app.remove();
    if (Reflect.get(window, "struck") === struck) Reflect.deleteProperty(window, "struck");
  });
  watcher.observe(document.body, { childList: true, subtree: true });
  return struck;
}
