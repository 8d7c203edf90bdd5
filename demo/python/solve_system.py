from operator import mul


def solve_system(names, differences):
    def at(*point):
        return [difference(*point) for difference in differences]

    def predicted(*point):
        rows = zip(zip(*slopes), constants)
        return [sum(map(mul, slope, point), constant) for slope, constant in rows]

    try:
        # Linear equations are known by their values at 0 and at one step along each axis
        constants = at(*[Fraction(0) for name in names])
        steps = [at(*[Fraction(axis == name) for name in names]) for axis in names]
        slopes = [[after - before for before, after in zip(constants, step)] for step in steps]
        elsewhere = [Fraction(97 + 31 * place, -13) for place in range(len(names))]
        is_linear = at(*elsewhere) == predicted(*elsewhere)
    except (ArithmeticError, TypeError, ValueError):
        is_linear = False
    if not is_linear:
        return print("Answer: I can solve systems of linear equations only")
    rows = [[*slope, -constant] for *slope, constant in zip(*slopes, constants)]
    for place in range(len(names)):
        # Gauss-Jordan elimination
        pivot = next((row for row in rows[place:] if row[place] != 0), None)
        if pivot is None:
            return print("Answer: I found no single solution of these equations")
        rows.remove(pivot)
        pivot = [number / pivot[place] for number in pivot]
        rows = [[number - row[place] * lead for number, lead in zip(row, pivot)] for row in rows]
        rows.insert(place, pivot)
    solution = [row[-1] for row in rows[: len(names)]]
    if any(at(*solution)):
        return print("Answer: I found no single solution of these equations")
    globals().update(zip(names, solution))
    print("Solution:", ", ".join(f"{name} = {number}" for name, number in zip(names, solution)))
