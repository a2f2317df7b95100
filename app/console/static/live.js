// Live pages: a part with data-live="COLLECTION ..." refreshes when such a document changes.
"use strict";
{
  const QUIET_MS = 150;
  const RESTS_MS = 400;
  const RETRY_MS = 2000;
  const parts = () => [...document.querySelectorAll("[data-live]")];
  const waiting = new Map();
  const banner = document.getElementById("offline");
  let source = null;
  let wasInterrupted = false;
  let isPressed = false;
  let movedAt = 0;

  // Nothing moves under a pointer that is about to click.
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

  const interrupted = () => {
    wasInterrupted = true;
    banner.textContent = "Live updates are interrupted. What you see may be out of date. Reconnecting…";
    banner.hidden = false;
  };

  const recovered = () => {
    if (!wasInterrupted) return;
    wasInterrupted = false;
    banner.hidden = true;
    banner.textContent = "";
    parts().forEach(refresh);
  };

  // After an answer that is not a stream: retry, unless the session has ended.
  const retry = async (at) => {
    const headers = { Accept: "text/event-stream" };
    const status = await fetch(at, { method: "HEAD", headers }).then((answer) => answer.status, () => 0);
    if (status === 401) {
      banner.textContent = "You are signed out. This page no longer updates. ";
      const link = document.createElement("a");
      link.href = `/sign-in?next=${encodeURIComponent(location.pathname)}`;
      link.textContent = "Sign in again";
      banner.append(link);
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
      interrupted();
      if (source && source.readyState === EventSource.CLOSED) {
        source = null; // A browser does not retry after an HTTP error.
        retry(at);
      }
    });
  };

  const leave = () => {
    source?.close();
    source = null;
  };

  // A browser has six connections to a server for all tabs: a hidden tab holds none.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) leave();
    else {
      wasInterrupted = true;
      follow();
    }
  });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", follow);

  // A refresh keeps open details, scroll positions and focus, and highlights changed figures.
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
      const previous = figures.get(each.dataset.figure);
      if (previous !== undefined && previous !== each.textContent) each.classList.add("changed");
    }
    openIds = [];
    scrolled = [];
    focused = null;
    figures = new Map();
  });

  // A part that refreshes regularly does not in a hidden tab, or while it is paused.
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
    button.textContent = paused.has(name) ? "Resume" : "Pause";
    for (const text of document.querySelectorAll("[data-paused-text]")) {
      [text.textContent, text.dataset.pausedText] = [text.dataset.pausedText, text.textContent];
    }
  });

  // The part that a link leads to opens.
  const opened = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = target && (target.matches("details") ? target : target.querySelector("details[data-opens]"));
    if (details) details.open = true;
  };
  addEventListener("hashchange", opened);
  opened();
  follow();
}
