// @ts-check
// A file that was made, to download.

import { t } from "../texts/t.js";
import { make } from "./controls.js";
import { icon } from "./icons.js";

/**
 * @param {string} url
 * @param {string} name
 * @param {string} get words that ask for it
 * @param {string} [note] a line under the name
 * @param {string} [warning] a line under that, of what is wrong with the file
 */
export function createFileLink(url, name, get, note, warning) {
  const words = make("span", "st-file-words", {}, make("span", "st-file-name", { textContent: name }));
  if (note !== undefined) words.append(make("span", "st-file-note", { textContent: note }));
  if (warning) words.append(make("span", "st-file-note is-fault", { textContent: warning }));
  return make("a", "st-file", { href: url, download: name, title: t("common.download", { name }) }, icon("file"), words, make("span", "st-file-get", { textContent: get }));
}
