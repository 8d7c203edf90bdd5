REFUSAL = "Answer: I can solve polynomial equations up to degree 8 only"


def solve(difference):
    try:
        # A polynomial of degree n has constant n-th differences
        steps, degree = [difference(Fraction(number)) for number in range(-6, 7)], 0
        while len(set(steps)) > 1:
            steps, degree = [after - before for before, after in zip(steps, steps[1:])], degree + 1
        if degree > 1:
            leading = steps[0] / factorial(degree)
            return print(show_roots(difference, degree, leading) if degree <= 8 else REFUSAL)
    except (ArithmeticError, TypeError, ValueError):
        return print(REFUSAL)
    if degree == 0:
        return print("Answer:", "every" if steps[0] == 0 else "no", "value of NAME is a solution")
    slope, constant = steps[0], difference(0)
    print(f"In the form a*NAME + b = 0: a = {slope}, b = {constant}")
    solution = -constant / slope
    print("Check, this has to be 0:", difference(solution))
    print("Solution: NAME =", solution)
    return solution


def show_roots(difference, degree, leading):
    # The Durand-Kerner method improves all roots together
    roots = [(0.4 + 0.9j) ** place for place in range(degree)]
    for place in [*range(degree)] * 500:
        root = roots[place]
        distance = prod(root - other for other in roots[:place] + roots[place + 1 :]) or 1
        roots[place] = root - difference(root) / (leading * distance)
    shown, inexact = {}, []
    for root in roots:
        exact = Fraction(root.real).limit_denominator(1000)
        if abs(root - exact) < 0.001 and difference(exact) == 0:
            shown[exact, 0] = f"NAME = {exact}"
            continue
        # Roots that lie together are known too badly to be shown
        if any(abs(root - other) < 0.001 * abs(root) for other in inexact):
            return "Answer: I cannot tell the solutions of this equation apart"
        inexact.append(root)
        parts = [part if abs(part) > 1e-9 * abs(root) else 0 for part in (root.real, root.imag)]
        real, imaginary = [float(f"{part:.6g}") for part in parts]
        end = f" {'-' if imaginary < 0 else '+'} {abs(imaginary):g}i" if imaginary else ""
        shown[real, imaginary] = f"NAME = {real:g}{end}"
    order = sorted(shown)
    return f"Solution{'s' if len(order) > 1 else ''}: {' and '.join(shown[root] for root in order)}"
