// Live pages: a part with data-live="COLLECTION ..." asks for itself anew when such a document changes.
"use strict";
{
  const QUIET_MS = 150;
  const RESTS_MS = 400;
  const RETRY_MS = 2000;
  const parts = () => [...document.querySelectorAll("[data-live]")];
  const waiting = new Map();
  const said = document.getElementById("lost");
  let source = null;
  let wasLost = false;
  let isPressed = false;
  let movedAt = 0;

  // Nothing moves under a finger or a pointer on its way to a click.
  addEventListener("pointerdown", () => { isPressed = true; }, true);
  addEventListener("pointerup", () => { isPressed = false; }, true);
  addEventListener("pointercancel", () => { isPressed = false; }, true);
  addEventListener("pointermove", () => { movedAt = performance.now(); }, { capture: true, passive: true });

  const refresh = (part) => {
    clearTimeout(waiting.get(part));
    waiting.set(part, setTimeout(() => {
      const isBusy = part.contains(document.activeElement) && /^(SELECT|INPUT|TEXTAREA)$/.test(document.activeElement.tagName);
      const isAimedAt = part.matches(":hover") && performance.now() - movedAt < RESTS_MS;
      if (isPressed || isBusy || isAimedAt) return refresh(part);
      waiting.delete(part);
      if (part.isConnected) htmx.trigger(part, "live");
    }, QUIET_MS));
  };

  const address = () => {
    const wanted = new URLSearchParams();
    if (document.body.dataset.liveCustomer) wanted.set("customerId", document.body.dataset.liveCustomer);
    const names = new Set(parts().flatMap((part) => part.dataset.live.split(/\s+/)));
    for (const name of names) wanted.append("collection", name);
    return names.size ? `/live?${wanted}` : null;
  };

  const lost = () => {
    wasLost = true;
    said.textContent = "Live updates are interrupted: what you see may be older. Trying again.";
    said.hidden = false;
  };

  const recovered = () => {
    if (!wasLost) return;
    wasLost = false;
    said.hidden = true;
    said.textContent = "";
    parts().forEach(refresh);
  };

  // After an answer that is no stream: try again, but not for somebody who is not signed in any more.
  const again = async (at) => {
    const headers = { Accept: "text/event-stream" };
    const status = await fetch(at, { method: "HEAD", headers }).then((answer) => answer.status, () => 0);
    if (status === 401) {
      said.textContent = "You are signed out, and what you see is not updated: ";
      const link = document.createElement("a");
      link.href = `/sign-in?next=${encodeURIComponent(location.pathname)}`;
      link.textContent = "sign in again";
      said.append(link);
    } else setTimeout(follow, RETRY_MS);
  };

  const follow = () => {
    const at = address();
    if (source || !at || document.hidden) return;
    source = new EventSource(at);
    source.addEventListener("open", recovered);
    source.addEventListener("change", (event) => {
      const { collection } = JSON.parse(event.data);
      parts().filter((part) => part.dataset.live.split(/\s+/).includes(collection)).forEach(refresh);
    });
    source.addEventListener("error", () => {
      lost();
      if (source && source.readyState === EventSource.CLOSED) {
        source = null; // It does not come back by itself after an error that was answered.
        again(at);
      }
    });
  };

  const leave = () => {
    source?.close();
    source = null;
  };

  // Browsers have six connections to a server for all tabs: one that nobody looks at takes none.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) leave();
    else {
      wasLost = true;
      follow();
    }
  });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", follow);

  // What somebody opened stays open, the button that has the focus keeps it, and figures that changed show it.
  let openIds = [];
  let figures = new Map();
  let scrolled = [];
  let focused = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const part = event.detail.target;
    openIds = [...part.querySelectorAll("details[id][open]")].map((each) => each.id);
    scrolled = [...part.querySelectorAll(".scroll[id]")].map((each) => [each.id, each.scrollLeft]);
    focused = part.contains(document.activeElement) ? document.activeElement.getAttribute("hx-get") : null;
    figures = new Map([...part.querySelectorAll("[data-figure]")].map((each) => [each.dataset.figure, each.textContent]));
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (focused && document.activeElement === document.body) {
      [...document.querySelectorAll("main [hx-get]")].find((each) => each.getAttribute("hx-get") === focused)?.focus();
    }
    for (const id of openIds) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    for (const [id, left] of scrolled) {
      const each = document.getElementById(id);
      if (each) each.scrollLeft = left;
    }
    for (const each of document.querySelectorAll("[data-figure]")) {
      const before = figures.get(each.dataset.figure);
      if (before !== undefined && before !== each.textContent) each.classList.add("changed");
    }
    openIds = [];
    scrolled = [];
    focused = null;
    figures = new Map();
  });

  // What asks for itself every now and then does not where nobody looks, or while somebody has paused it.
  const paused = new Set();
  document.addEventListener("htmx:beforeRequest", (event) => {
    const part = event.detail.elt;
    if (part.matches("[data-beats]") && (document.hidden || isPressed || paused.has(part.id))) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-pause]");
    if (!button) return;
    const name = button.dataset.pause;
    if (!paused.delete(name)) paused.add(name);
    button.textContent = paused.has(name) ? "Go on" : "Pause";
    for (const said of document.querySelectorAll("[data-paused-words]")) {
      [said.textContent, said.dataset.pausedWords] = [said.dataset.pausedWords, said.textContent];
    }
  });

  // The part that a link leads to is open.
  const opened = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = target && (target.matches("details") ? target : target.querySelector("details[data-opens]"));
    if (details) details.open = true;
  };
  addEventListener("hashchange", opened);
  opened();
  follow();
}
