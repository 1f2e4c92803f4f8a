// Adds a filter above each table of presets: words, and a menu for the task and for the data.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("table.filterable")) {
    const rows = [...table.tBodies[0].rows], titles = [...table.tHead.rows[0].cells].map((cell) => cell.innerText.trim());
    const bar = document.createElement("form"), count = document.createElement("output");
    const add = (title, field) => {
      const label = document.createElement("label");
      label.append(title, field);
      bar.append(label);
      return field;
    };
    const words = add("Search", Object.assign(document.createElement("input"), { type: "search" }));
    const menus = ["task", "data"].map((title) => {
      const menu = add(title[0].toUpperCase() + title.slice(1), document.createElement("select"));
      const valuesOf = (row) => row.cells[titles.indexOf(title)].innerText.replace(/ \(.*?\)/g, "").trim().split(", ");
      menu.append(new Option("all", ""), ...[...new Set(rows.flatMap(valuesOf))].sort().map((value) => new Option(value)));
      return (row) => !menu.value || valuesOf(row).includes(menu.value);
    });
    const filter = () => {
      for (const row of rows) {
        const text = row.innerText.toLowerCase();
        row.hidden = !words.value.toLowerCase().split(/\s+/).every((word) => text.includes(word)) ||
          !menus.every((chosen) => chosen(row));
      }
      count.value = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
    };
    bar.className = "filter";
    bar.addEventListener("input", filter);
    bar.addEventListener("submit", (event) => event.preventDefault());
    bar.append(count);
    table.before(bar);
    filter();
  }
});
