// Looks for words in the index of the book, in the browser.  A place counts more when the words
// are in its title, and most when it defines them; every hit shows the words around them.

"use strict";

(() => {
  const SHOWN = 40;
  const KINDS = { term: "term", name: "in the package" };
  const WORTH = { page: 1.6, term: 1.5, name: 1.2, section: 1 };

  const field = document.getElementById("search-field");
  const results = document.getElementById("search-results");

  // The places of the book, from the script beside this one.
  async function unpacked(index) {
    const bytes = Uint8Array.from(atob(index), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).json();
  }

  // The same letters for the same sign, and no spaces around a minus.
  const plain = (text) => text.toLowerCase().replace(/[−–‑]/g, "-").replace(/\s*-\s*/g, "-");

  const escaped = (word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

  // A word stands for all words that begin with it; inflections of English count.
  const stemOf = (word) => (word.length > 4 ? word.replace(/(ies|es|s|ing|ed)$/, "") : word);

  function patternOf(word) {
    const stem = stemOf(word);
    const start = /^\w/.test(stem) ? "(?<![\\p{L}\\d])" : "";
    return new RegExp(start + escaped(stem), "gu");
  }

  function wordsOf(query) {
    return plain(query).split(/[\s,;]+/).filter(Boolean);
  }

  function worthOf(place, words, patterns) {
    const title = plain(place.title);
    const text = plain(place.text);
    let sum = 0;
    for (const pattern of patterns) {
      const inTitle = title.match(pattern)?.length ?? 0;
      const inText = text.match(pattern)?.length ?? 0;
      if (!inTitle && !inText) return 0;
      sum += 12 * Math.min(inTitle, 1) + Math.log2(1 + inText);
    }
    if (wordsOf(place.title).map(stemOf).join(" ") === words.map(stemOf).join(" ")) sum += 20;
    else if (title.includes(words.join(" "))) sum += 6;
    else if (text.includes(words.join(" "))) sum += 3;
    return sum * WORTH[place.kind] * (/\/(many-classes|one-neuron|networks)\//.test(place.at) ? 1.25 : 1);
  }

  function search(places, query) {
    const words = wordsOf(query);
    const patterns = words.map(patternOf);
    return places
      .map((place) => ({ place, worth: worthOf(place, words, patterns) }))
      .filter((hit) => hit.worth > 0)
      .sort((one, other) => other.worth - one.worth)
      .slice(0, SHOWN)
      .map((hit) => hit.place);
  }

  // About twenty words around the first of the words, cut between words.
  function excerptOf(text, words) {
    const found = words.map((word) => text.search(new RegExp(patternOf(word).source, "iu")));
    const at = Math.min(...found.filter((place) => place >= 0), text.length);
    const start = at === text.length || at < 70 ? 0 : text.indexOf(" ", at - 60) + 1;
    const end = text.length - start < 190 ? text.length : text.lastIndexOf(" ", start + 180);
    return (start ? "… " : "") + text.slice(start, end) + (end < text.length ? " …" : "");
  }

  function withMarks(text, words) {
    const parts = words.map((word) => patternOf(word).source + "[\\p{L}\\d]*");
    const pieces = document.createDocumentFragment();
    let last = 0;
    for (const match of text.matchAll(new RegExp(parts.join("|"), "giu"))) {
      const mark = document.createElement("mark");
      mark.textContent = match[0];
      pieces.append(text.slice(last, match.index), mark);
      last = match.index + match[0].length;
    }
    pieces.append(text.slice(last));
    return pieces;
  }

  function itemOf(place, words) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = place.at;
    link.append(withMarks(place.title, words));
    const where = document.createElement("span");
    where.className = "found-in";
    where.textContent = KINDS[place.kind] ?? (place.kind === "page" ? "" : place.page);
    const excerpt = document.createElement("p");
    excerpt.append(withMarks(excerptOf(place.text, words), words));
    item.append(link, where, excerpt);
    return item;
  }

  function show(places, query) {
    results.replaceChildren();
    const words = wordsOf(query);
    if (!words.length) return;
    const found = search(places, query);
    const count = document.createElement("p");
    count.className = "found-count";
    if (!found.length) count.textContent = `Nothing in the book has all of these words: ${query}`;
    else if (found.length === SHOWN) count.textContent = `The best ${SHOWN} places`;
    else count.textContent = found.length === 1 ? "1 place" : `${found.length} places`;
    const list = document.createElement("ul");
    list.append(...found.map((place) => itemOf(place, words)));
    results.append(count, list);
  }

  field.value = new URLSearchParams(location.search).get("q") ?? "";
  unpacked(window.bookIndex).then((places) => {
    field.addEventListener("input", () => show(places, field.value));
    show(places, field.value);
  });
})();
