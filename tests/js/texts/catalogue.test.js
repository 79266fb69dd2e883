// @ts-check
// The catalogue of texts: every language has every text with the same places, the editor asks for no other, and says nothing past it.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Linter } from "eslint";

import { DE } from "../../../ui/editor/texts/de/all.js";
import { EN } from "../../../ui/editor/texts/en/all.js";
import { JA } from "../../../ui/editor/texts/ja/all.js";
import { translate, translateSource } from "../../../ui/editor/texts/server.js";
import { findWord, pickLanguage, t, without } from "../../../ui/editor/texts/t.js";

const EDITOR = join(import.meta.dirname, "../../../ui/editor");
const SOURCES = readdirSync(EDITOR, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js") && (!name.startsWith("texts") || name === join("texts", "server.js"))).map((name) => ({ name: name.replaceAll("\\", "/"), text: readFileSync(join(EDITOR, name), "utf8") }));
/** @type {Record<string, Record<string, string>>} */
const TRANSLATIONS = { de: DE, ja: JA };

/** @param {string} text */
const placesOf = (text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();
/** @param {string} text */
const choicesOf = (text) => [...text.matchAll(/\{(\w+)\|[^|}]*\|[^}]*\}/g)].map(([, name]) => name);

test("each part of a catalogue has keys of its own", () => {
  for (const language of ["en", "de", "ja"]) {
    const keys = readdirSync(join(EDITOR, "texts", language)).flatMap((name) => [...readFileSync(join(EDITOR, "texts", language, name), "utf8").matchAll(/^ {2}"([^"]+)": /gm)].map(([, key]) => key));
    assert.deepEqual(keys.filter((key, i) => keys.indexOf(key) !== i), [], language);
  }
});

test("German and Japanese have exactly the texts of English, with the same places", () => {
  for (const [language, texts] of Object.entries(TRANSLATIONS)) {
    assert.deepEqual(Object.keys(texts).sort(), Object.keys(EN).sort(), language);
    for (const [key, text] of Object.entries(EN)) {
      assert.deepEqual([...new Set(placesOf(texts[key]))], [...new Set(placesOf(text))], `${language} ${key}`);
      const known = [...placesOf(text), ...choicesOf(text)];
      assert.ok(choicesOf(texts[key]).every((name) => known.includes(name)), `${language} ${key}`);
      assert.ok(texts[key].trim(), `${language} ${key}`);
    }
  }
});

test("the editor uses every text, and none that is not there", () => {
  const used = new Set(SOURCES.flatMap(({ text }) => [...text.matchAll(/"([a-z0-9_]+\.[a-z0-9_]+)"/g)].map(([, key]) => key)));
  const asked = SOURCES.flatMap(({ text }) => [...text.matchAll(/\bt\("([^"]+)"/g)].map(([, key]) => key));
  assert.deepEqual(asked.filter((key) => !(key in EN)), []);
  assert.deepEqual(Object.keys(EN).filter((key) => !used.has(key)), []);
});

// Names that are the same in each language, and names of keys, of fields of lists, of fonts and of what a browser has.
const SAME = /^(Struck|Str|English|Deutsch|日本語|Reaper|DAWproject|Opus|Ogg Vorbis|Pro Tools, Resolve|OpenTimelineIO|MIDI|Mod [A-Z, ]+|Alt click|Mod|Alt|Shift|Control|Ctrl|Meta|Fn|Dead|Process|Unidentified|Enter|Tab|Esc|Escape|Space|Delete|Backspace|Page [↑↓]|Numpad|Digit\d?|Home|End|PageUp|PageDown|AltGraph|CapsLock|NumLock|ScrollLock|Ab|(Shift|Mod|Alt)\+.*|Arrow\w+|ck)$/;
const FOR_DEVELOPERS = /^(there is no |no clip is open|no sound is shown|this browser has no 2D canvas|Struck: |\s*is not there \(|version |" was not handled)/;
const FOR_BROWSERS = /monospace|sans-serif|^rgb\(|^translate\(|\[|^button, |is-[a-z]|^AbortError$|^\(prefers-/;
/** Calls whose texts nobody sees, and the place of the text. */
const UNSEEN = /^(querySelector|querySelectorAll|closest|matches|addEventListener|on|listen|emit|setProperty|includes|startsWith|endsWith|t|findWord|without)$/;
const UNITS = /\b(k?Hz|dB|ms|s|mm?|c|f|h|min|LUFS|dBTP|dBFS|LFE|bit|fps|deg|px)\b/g;

/** Where one word is a text too: what is written there is read. */
const READ = ["textContent", "title", "placeholder", "ariaLabel", "aria-label"];

/**
 * Whether a word, perhaps one of several of which one is chosen, is put where it is read.
 * @param {any} node
 */
function isRead(node) {
  let [inner, above, chosen] = [node, node.parent, false];
  while (above) {
    const called = above.callee?.name ?? above.callee?.property?.name;
    if (above.type === "AssignmentExpression") return READ.includes(above.left.property?.name);
    if (above.type === "Property") return READ.includes(above.key.name ?? above.key.value);
    if (called === "make") return above.arguments.indexOf(inner) >= 3;
    if (called === "set" && above.arguments.includes(inner)) return chosen;
    if (above.type === "ConditionalExpression" && above.test === inner) return false;
    chosen ||= above.type === "ConditionalExpression";
    const passes = ["ConditionalExpression", "LogicalExpression", "TemplateLiteral", "ArrayExpression", "ArrowFunctionExpression"].includes(above.type);
    if (!passes && !(["map", "replace"].includes(called) && above.arguments.includes(inner))) return false;
    [inner, above] = [above, above.parent];
  }
  return false;
}

/** @type {import("eslint").Rule.RuleModule} */
const SAID = {
  create(context) {
    /**
     * @param {any} node
     * @param {string} text
     */
    function look(node, text) {
      let above = node.parent;
      if (above.type === "TemplateLiteral") above = above.parent;
      if (["ImportDeclaration", "MemberExpression", "BinaryExpression", "SwitchCase", "TaggedTemplateExpression"].includes(above.type) && above.operator !== "+") return;
      if (above.type === "Property" && (above.key === node || ["className", "style", "href", "accept"].includes(above.key.name))) return;
      const called = above.callee?.name ?? above.callee?.property?.name;
      if (UNSEEN.test(called) || (called === "make" && above.arguments.indexOf(node) < 2)) return;
      const words = text.replace(UNITS, "").trim();
      const isSaid = /^[^a-z]*[A-Z][a-z]+/.test(words) || (/[a-z][,.:;)]? +[a-z(]/i.test(words) && !/^[a-z]+-[a-z]+/.test(words)) || /[a-z]{2}.*…/.test(words);
      if ((isSaid || (/^[a-z]{3,}$/.test(words) && isRead(node))) && ![SAME, FOR_DEVELOPERS, FOR_BROWSERS].some((known) => known.test(text.trim()))) context.report({ node, message: text });
    }
    return {
      Literal: (node) => typeof node.value === "string" && look(node, node.value),
      TemplateElement: (node) => look(node, node.value.cooked ?? ""),
    };
  },
};

test("nothing is said past the catalogue", () => {
  const linter = new Linter();
  const said = SOURCES.filter(({ name }) => !name.endsWith("_worklet.js")).flatMap(({ name, text }) =>
    linter.verify(text, [{ plugins: { texts: { rules: { said: SAID } } }, rules: { "texts/said": "error" } }]).map(({ line, message }) => `${name}:${line}: ${message}`));
  assert.deepEqual(said, []);
});

test("places are filled, and a word is chosen by its count", () => {
  assert.equal(t("common.hits", { count: 1 }), "1 hit");
  assert.equal(t("common.hits", { count: 12 }), "12 hits");
  assert.equal(t("conform.hits_moved_with", { moved: 1, more: "" }), "1 hit moved with its shot.");
});

test("the language is the chosen one, else the first that the browser asks for, else English", () => {
  assert.equal(pickLanguage("ja", ["de"]), "ja");
  assert.equal(pickLanguage(null, ["fr", "de-AT", "en"]), "de");
  assert.equal(pickLanguage("xx", ["fr"]), "en");
});

test("typed words of values are understood", () => {
  assert.equal(findWord("40 % EDGE", ["macros.middle", "macros.edge"]), "macros.edge");
  assert.equal(findWord("40 %", ["macros.middle", "macros.edge"]), null);
  assert.equal(without("rings 2 ×", "macros.rings_word").trim(), "2 ×");
});

test("sentences of the server are known with one as with many, the same in English, and others are left as they are", () => {
  const count = (/** @type {string} */ sentence) => translate(sentence, /** @type {any} */ ((/** @type {string} */ key, /** @type {any} */ values) => `${key} ${values.count}`));
  for (const [verb, key] of [["Move", "move"], ["Delete", "delete"], ["Paste", "paste"], ["Duplicate", "duplicate"], ["Import", "import"], ["Set velocity of", "set_velocity"]]) {
    const name = key === "set_velocity" ? key : `${key}_hits`;
    assert.deepEqual([count(`${verb} hit`), count(`${verb} 3 hits`)], [`server.${name} 1`, `server.${name} 3`]);
  }
  for (const sentence of ["Sampling 3 of 8", "Sampled 1 of 1 hit", "Mute mode", "Move hit", "Import 3 hits in place of 2", "Set velocity of 12 hits", "Bake macros into Bell of a door", "an error of the engine"]) assert.equal(translate(sentence), sentence);
});

test("what the engine says of a sound's source is said in the language shown, names as they are", () => {
  const engine = readFileSync(join(EDITOR, "../../engine/document/source.py"), "utf8");
  const origins = [...engine.matchAll(/"(from (?:the|a|words)[^"{]*|a preset|default preset[^"]*)"/g)].map(([, words]) => (words.startsWith("default") ? `${words}: Bell (CC0)` : words));
  assert.ok(origins.length >= 10);
  for (const words of [...origins, "from the clip's sound at 0.40 s", "from the clip's sound, 0.40 to 1.30 s", "from bell.wav", "morph of Bell and Jar, 40 %", "was: from bell.wav; modes of Jar"]) {
    assert.equal(translateSource(words), words); // English is the engine's
    assert.match(translateSource(words, /** @type {any} */ ((/** @type {string} */ key) => key)), /^server\.\w+(; modes of Jar)?$/, words);
  }
  assert.equal(translateSource("glass, seen at 0.4"), "glass, seen at 0.4");
});
