// The drawer: a dialog at the side, in which one thing is done. What is in it comes from the server.
"use strict";
{
  const drawer = document.getElementById("drawer");
  const body = document.getElementById("drawer-body");
  let opener = null;
  let last = null;

  const open = () => {
    if (drawer.open || !body.childElementCount) return;
    opener = document.activeElement;
    drawer.showModal();
  };

  const close = () => drawer.close();

  drawer.addEventListener("close", () => {
    body.replaceChildren();
    // The drawer's part of the address goes with it: a reload shows the page alone.
    const address = new URL(location.href);
    for (const name of ["do", "of", "key"]) address.searchParams.delete(name);
    history.replaceState(history.state, "", address);
    if (opener && opener.isConnected) opener.focus();
  });

  body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== body) return; // A part of it, such as an outcome that is waited for.
    open();
    const first = body.querySelector("[autofocus]") || body.querySelector("h2");
    if (first) {
      if (first.tagName === "H2") first.tabIndex = -1;
      first.focus();
    }
  });

  // What is done with leaves a word, for a while.
  const told = document.getElementById("said");
  told.addEventListener("htmx:afterSwap", () => {
    close();
    setTimeout(() => told.replaceChildren(), 6000);
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) {
      close();
      if (!drawer.contains(event.target)) document.getElementById("notices").replaceChildren();
    }
    if (event.target.closest("[data-again]") && last) htmx.trigger(last, "submit");
    if (event.target === drawer) close(); // Its shade.
  });

  // What was sent and not answered may have arrived: say so, and let it be sent again with its key.
  const unreachable = (event) => {
    const form = event.detail.elt;
    if (!body.contains(form) || form.tagName !== "FORM") return;
    last = form;
    form.hidden = true;
    body.querySelector("[data-unreachable]")?.remove();
    const said = document.createElement("div");
    said.dataset.unreachable = "";
    said.append(document.getElementById("unreachable").content.cloneNode(true));
    body.append(said);
    body.querySelector("[data-again]").focus();
  };
  document.addEventListener("htmx:sendError", unreachable);
  document.addEventListener("htmx:timeout", unreachable);
}
