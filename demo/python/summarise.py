import csv
from statistics import mean

MEASURES = {"average": mean, "mean": mean, "highest": max, "lowest": min}
ALL = {"count": len, "sum": sum, "mean": mean, "min": min, "max": max}


def number_of(text):
    return int(text) if text.strip().lstrip("+-").isdigit() else float(text)


def numbers_of(rows, name):
    # Empty cells count for nothing; a column with any other text is not one of numbers
    try:
        return [number_of(row[name]) for row in rows if row[name]]
    except (AttributeError, TypeError, ValueError):
        return []


def summarise(path, question, group):
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    columns = list(rows[0]) if rows else []
    found = f"{len(rows)} rows with the columns {', '.join(map(str, columns))}"
    print(found)
    numbers = [name for name in columns if numbers_of(rows, name)]
    if group is None:
        values = [(name, numbers_of(rows, name)) for name in numbers]
        summary = [[name, *[round(measure(of), 6) for measure in ALL.values()]] for name, of in values]
        head = ["column", *ALL]
        shown = "count, sum, mean, minimum and maximum of " + ", ".join(numbers)
    else:
        by = next((name for name in columns if name.lower().startswith(group)), None)
        if by is None:
            return print(f"Answer: no column is called {group}; there are {found}")
        # The columns of numbers that the question names, else all of them
        numbers = [name for name in numbers if name.lower() in question] or numbers
        numbers = [name for name in numbers if name != by]
        word = next((word for word in MEASURES if word in question), "sum")
        groups = {}
        for row in rows:
            groups.setdefault(row[by], []).append(row)
        head = [by, *numbers]
        measure = MEASURES.get(word, sum)
        summary = [
            [name, *[round(measure(numbers_of(of, column) or [0]), 6) for column in numbers]]
            for name, of in sorted(groups.items())
        ]
        shown = f"the {word} of {', '.join(numbers)} per {by}"
    target = path.removesuffix(".csv") + "_summary.csv"
    with open(target, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *summary])
    for line in [head, *summary]:
        print("  ".join(f"{cell!s:>10}" for cell in line))
    print("File:", target.removeprefix("/mnt/data/"))
    print(f"Answer: {found} became {len(summary)} rows: {shown}")
