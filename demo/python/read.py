from fractions import Fraction
from math import *
import ast


class Exact(ast.NodeTransformer):
    # Numbers become Fractions, so that nothing is rounded
    def visit_Constant(self, node):
        return ast.parse(f"Fraction('{node.value}')", mode="eval").body

    def visit_Call(self, node):
        return node if node.func.id == "factorial" else self.generic_visit(node)


def read(text):
    tree = Exact().visit(ast.parse(text, mode="eval"))
    return eval(compile(ast.fix_missing_locations(tree), text, "eval"))
