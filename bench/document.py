"""docs/performance.md: what stands between its markers is made of a run; all else is a person's."""

from bench import report, scale
from bench.processes import TREE, Failure
from bench.scenarios import SCENARIOS

PAGE = TREE / "docs/performance.md"
OPEN, CLOSE = "<!-- figures: tools/bench document -->", "<!-- end of figures -->"
# Each curve has a section and a picture of its own, since each may be measured by itself.
CURVE_OPEN, CURVE_CLOSE = "<!-- {}: tools/bench scale --document -->", "<!-- end of {} -->"


def of_hardware(facts):
    machine = facts["machine"]
    loads = [str(machine["load_average"])] + [str(machine[key]) for key in ("load_average_after",) if key in machine]
    return (f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, Linux {machine['kernel']} {machine['arch']}; "
            f"load average {' to '.join(loads)}")


def of_machine(facts):
    return (f"{of_hardware(facts)}; {facts['rounds']} rounds of about {facts['seconds']:g} s; proxy on core "
            f"{facts['cores']['proxy']}, load and origin on {facts['cores']['load']}\n"
            f"revision {facts['revision']}; " + "; ".join(text for text in facts["versions"].values() if text != "missing"))


def figures(facts, results):
    out = [of_machine(facts).replace("\n", ".\n").replace("revision", "Revision") + "."]
    if max(facts["machine"]["load_average"], facts["machine"].get("load_average_after", 0)) > 2:
        out.append("The machine had other work, too, at the beginning or the end: then delays and calls per second are worse "
                   "than alone, and CPU times higher, for all proxies alike.")
    for name, done in results.items():
        scenario = SCENARIOS[name]
        out.append(f"### {name}: {scenario.title}\n\n" + report.as_markdown(*report.rows_of(scenario, done["summary"])))
    return "\n\n".join(out)


def between(text, first, last, content):
    before, found, rest = text.partition(first)
    if not found or last not in rest:
        raise Failure(f"{PAGE.name} has no place for what was measured: {first}")
    return f"{before}{first}\n\n{content}\n\n{last}{rest.partition(last)[2]}"


def write(facts, results):
    PAGE.write_text(between(PAGE.read_text(), OPEN, CLOSE, figures(facts, results)))


def write_growth(facts, growth):
    for name, points in growth.items():
        picture = PAGE.parent / f"performance-{name}.svg"
        scale.keep(picture, {name: points})
        title = scale.PARTS[name][0]
        content = (f"### {title[0].upper()}{title[1:]}\n\n{of_hardware(facts)}. Revision {facts['revision']}.\n\n"
                   f"![{title}]({picture.name})\n\n{scale.table(name, points)}")
        PAGE.write_text(between(PAGE.read_text(), CURVE_OPEN.format(name), CURVE_CLOSE.format(name), content))
