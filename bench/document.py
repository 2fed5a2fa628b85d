"""docs/performance.md: what stands between its markers is made of a run; all else is a person's."""

from bench import report, scale
from bench.processes import TREE
from bench.scenarios import SCENARIOS

PAGE = TREE / "docs/performance.md"
PICTURE = TREE / "docs/performance-scale.svg"
OPEN, CLOSE = "<!-- figures: tools/bench document -->", "<!-- end of figures -->"


def of_machine(facts):
    machine = facts["machine"]
    loads = [str(machine["load_average"])] + [str(machine[key]) for key in ("load_average_after",) if key in machine]
    return (f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, Linux {machine['kernel']} {machine['arch']}; "
            f"load average {' to '.join(loads)}; {facts['rounds']} rounds of about {facts['seconds']:g} s; proxy on core "
            f"{facts['cores']['proxy']}, load and origin on {facts['cores']['load']}\n"
            f"revision {facts['revision']}; " + "; ".join(text for text in facts["versions"].values() if text != "missing"))


def figures(facts, results, growth):
    out = [of_machine(facts).replace("\n", ".\n").replace("revision", "Revision") + "."]
    if max(facts["machine"]["load_average"], facts["machine"].get("load_average_after", 0)) > 2:
        out.append("The machine had other work, too, at the beginning or the end: then delays and calls per second are worse "
                   "than alone, and CPU times higher, for all proxies alike.")
    for name, done in results.items():
        scenario = SCENARIOS[name]
        out.append(f"### {name}: {scenario.title}\n\n" + report.as_markdown(*report.rows_of(scenario, done["summary"])))
    if growth:
        out.append("### Growth\n\n![Cost over connections, bodies, rows and hosts](performance-scale.svg)\n\n" + scale.tables(growth))
    return "\n\n".join(out)


def write(facts, results, growth):
    text = PAGE.read_text()
    before, _, rest = text.partition(OPEN)
    _, _, after = rest.partition(CLOSE)
    PAGE.write_text(f"{before}{OPEN}\n\n{figures(facts, results, growth)}\n\n{CLOSE}{after}")
    if growth:
        scale.keep(PICTURE, growth)
