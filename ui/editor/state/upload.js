// Sending a file to the server, with its progress.

/**
 * Upload a File; resolves to the path the server knows it by, or throws an Error with a sentence.
 * @param {File} file
 * @param {string} session
 */
export function upload(file, session, onProgress = () => {}, signal = null) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/struck/upload?session=${encodeURIComponent(session)}&name=${encodeURIComponent(file.name)}`);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => {
      let answer = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        // an answer that is no JSON is an error page; the status says enough
      }
      if (request.status < 300 && answer.path) done(answer.path);
      else fail(new Error(answer.error ?? `${file.name} could not be uploaded (${request.status}); try again`));
    };
    request.onerror = () => fail(new Error(`${file.name} could not be uploaded because the connection broke; try again`));
    request.onabort = () => fail(new DOMException("The upload was called off", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}
