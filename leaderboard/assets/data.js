/* Loads data: every data file is a script that calls groundeval.receive(name, value). A page that was opened from a
   folder may load scripts, but may not read files. */
"use strict";

const groundeval = (() => {
  const waiting = new Map();
  const loaded = new Map();

  const receive = (name, value) => {
    const resolve = waiting.get(name);
    waiting.delete(name);
    if (resolve) resolve(value);
  };

  /* A promise of the value of one data file; each file is loaded once. */
  const load = (path) => {
    if (!loaded.has(path)) {
      loaded.set(path, new Promise((resolve, reject) => {
        const name = path.split("/").pop().replace(/\.js$/, "");
        waiting.set(name, resolve);
        const script = document.createElement("script");
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
