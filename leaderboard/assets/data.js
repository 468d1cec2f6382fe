/* Loads data: every data file is a script that calls groundeval.receive(name, value). A page that was opened from a
   folder may load scripts, but may not read files. */
"use strict";

const groundeval = (() => {
  const waiting = new Map();
  const loaded = new Map();

  /* The script that is running says which file it is: files of several runs have the same names. */
  const receive = (name, value) => {
    const path = document.currentScript.dataset.path;
    const resolve = waiting.get(path);
    waiting.delete(path);
    if (resolve) resolve(value);
  };

  /* A promise of the value of one data file; each file is loaded once. */
  const load = (path) => {
    if (!loaded.has(path)) {
      loaded.set(path, new Promise((resolve, reject) => {
        waiting.set(path, resolve);
        const script = document.createElement("script");
        script.dataset.path = path;
        script.src = path;
        script.onerror = () => { loaded.delete(path); reject(new Error(`${path} could not be loaded`)); };
        script.onload = () => script.remove();
        document.head.append(script);
      }));
    }
    return loaded.get(path);
  };

  return { receive, load };
})();
