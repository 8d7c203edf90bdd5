import pandas as pd

MEASURES = {"average": "mean", "mean": "mean", "highest": "max", "lowest": "min"}


def summarise(path, question, group):
    table = pd.read_csv(path)
    found = f"{len(table)} rows with the columns {', '.join(table)}"
    print(found)
    numbers = list(table.select_dtypes("number"))
    if group is None:
        summary = table[numbers].agg(["count", "sum", "mean", "min", "max"]).T.rename_axis("column")
        shown = "count, sum, mean, minimum and maximum of " + ", ".join(numbers)
    else:
        by = next((name for name in table if name.lower().startswith(group)), None)
        if by is None:
            return print(f"Answer: no column is called {group}; there are {found}")
        # The columns of numbers that the question names, else all of them
        numbers = [name for name in numbers if name.lower() in question] or numbers
        measure = next((MEASURES[word] for word in MEASURES if word in question), "sum")
        summary = table.groupby(by)[numbers].agg(measure)
        shown = f"the {measure} of {', '.join(numbers)} per {by}"
    summary = summary.round(6).reset_index()
    target = path.removesuffix(".csv") + "_summary.csv"
    summary.to_csv(target, index=False)
    print(summary.to_string(index=False))
    print("File:", target.removeprefix("/mnt/data/"))
    print(f"Answer: {found} became {len(summary)} rows: {shown}")
