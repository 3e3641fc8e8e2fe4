#include <nn/nn.hpp>

int main() {}
