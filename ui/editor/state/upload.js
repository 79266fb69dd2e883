// @ts-check
// Sending a file to the server, with its progress.

import { t } from "../texts/t.js";

/**
 * Upload a file; resolves to its path on the server, or throws an Error with a sentence.
 * @param {File} file
 * @param {string} session
 * @param {(part: number) => void} [onProgress]
 * @param {AbortSignal | null} [signal]
 * @returns {Promise<string>}
 */
export function upload(file, session, onProgress = () => {}, signal = null) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/struck/upload?session=${encodeURIComponent(session)}&name=${encodeURIComponent(file.name)}`);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => {
      const { path, error } = parseAnswer(request.responseText);
      if (request.status < 300 && path) done(path);
      else fail(new Error(error ?? t("upload.could_not_be_uploaded", { name: file.name, status: request.status })));
    };
    request.onerror = () => fail(new Error(t("upload.could_not_be", { name: file.name })));
    request.onabort = () => fail(new DOMException(t("upload.the_upload_was"), "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/**
 * @param {string} text
 * @returns {{path?: string, error?: string}}
 */
function parseAnswer(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {}; // an answer that is no JSON is an error page; the status says enough
  }
}

/**
 * The sentence of an error to show, null if the user cancelled.
 * @param {unknown} error
 */
export function describeError(error) {
  if (!(error instanceof Error || error instanceof DOMException)) return String(error);
  return error.name === "AbortError" ? null : error.message;
}
