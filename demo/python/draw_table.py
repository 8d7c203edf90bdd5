import matplotlib.pyplot as plt
import pandas as pd


def draw_table(path, count):
    table = pd.read_csv(path)
    numbers = table.select_dtypes("number")
    charts = [(name, kind) for kind in ("bar", "line", "hist") for name in numbers][:count]
    for name, kind in charts:
        table[name].plot(kind=kind, title=f"{name} ({kind})")
        plt.show()
    print("Answer: the figures show", ", ".join(f"{name} ({kind})" for name, kind in charts))
