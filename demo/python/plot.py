from math import *
import matplotlib.pyplot as plt


def plot(curves, low, high, shown):
    ranges = []
    for title, curve in curves.items():
        points = []
        for step in range(401):
            place = low + (high - low) * step / 400
            try:
                points.append((place, float(curve(place))))
            except (ArithmeticError, TypeError, ValueError):
                continue  # not defined here
        if not points:
            return print(f"Answer: {title} is not defined between {low} and {high}")
        heights = [height for place, height in points]
        ranges.append(f"{title} lies between {min(heights):.4g} and {max(heights):.4g}")
        plt.plot(*zip(*points), label=title)
    plt.grid(True)
    plt.legend()
    plt.show()
    print(f"Answer: the figure shows {shown};", ", ".join(ranges))
